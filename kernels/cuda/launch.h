// How a kernel of ours is started, on a GPU and on the emulated device alike. A kernel takes one
// trivially copyable struct by value. There is no other way: no <<<>>>, no CUDA header in .cu
// files.
//
// A .cu file is compiled twice: by nvcc, and as plain C++ against kernels/emulator. Host code that
// only names a stream (kernels/X/X_cuda.h) includes this file in either build.
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>

#include "weft/error.h"

namespace weft::cuda {

// A queue of the device: a cudaStream_t, or an emulator::WorkQueue*. Null: the default stream, or
// at once.
struct Stream {
  void* handle = nullptr;
};

struct Grid {
  unsigned x = 1, y = 1, z = 1;  // blocks
};

struct Launch {
  Grid grid;
  unsigned threads = 1;     // in a block
  size_t shared_bytes = 0;  // of dynamic shared memory: the only kind there is
  unsigned cluster = 1;     // blocks along x that share their shared memory; 1 before sm_90
  const char* name = "?";   // for messages and traces
};

// A block as the kernel's model of time has it, and how many of them a multiprocessor shall hold at
// once: with 164 KiB of shared memory (sm_80), and with 228 (sm_90).
struct Design {
  unsigned threads = 1;
  size_t shared_bytes = 0;
  int on_sm80 = 1, on_sm90 = 1;
};

// A kernel and its arguments without their types. `call` runs one thread's body on the host; nvcc's
// build has none.
struct KernelCall {
  const void* function = nullptr;
  const void* args = nullptr;
  size_t args_bytes = 0;
  void (*call)(const void* function, const void* args) = nullptr;
};

#if defined(__CUDACC__)
// Throws weft::Error with the kernel's name where the launch is refused. Does not wait: what goes
// wrong in the kernel itself shows when its stream is waited for.
inline void launch_call(Stream stream, const Launch& launch, const KernelCall& call) {
  constexpr size_t kSharedWithoutAsking = 48 * 1024;
  const auto check = [&](cudaError_t status) {
    if (status == cudaSuccess) return;
    throw Error(std::string("kernel ") + launch.name + " could not be launched (" +
                    std::to_string(launch.threads) + " threads, " +
                    std::to_string(launch.shared_bytes) +
                    " bytes of shared memory): " + cudaGetErrorString(status),
                ExitCode::kHang);
  };
  if (launch.shared_bytes > kSharedWithoutAsking) {
    check(cudaFuncSetAttribute(call.function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(launch.shared_bytes)));
  }
  cudaLaunchAttribute cluster{};
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {launch.cluster, 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = {launch.grid.x, launch.grid.y, launch.grid.z};
  config.blockDim = {launch.threads, 1, 1};
  config.dynamicSmemBytes = launch.shared_bytes;
  config.stream = static_cast<cudaStream_t>(stream.handle);
  config.attrs = &cluster;
  config.numAttrs = launch.cluster > 1 ? 1 : 0;
  void* args[] = {const_cast<void*>(call.args)};
  check(cudaLaunchKernelExC(&config, call.function, args));
}
#else
// The same on the emulated device (kernels/emulator/launch.cpp).
void launch_call(Stream stream, const Launch& launch, const KernelCall& call);
#endif

template <class Args>
void launch(Stream stream, const Launch& launch, void (*kernel)(Args), const Args& args) {
  static_assert(std::is_trivially_copyable_v<Args>, "a kernel's arguments are copied as bytes");
  static_assert(sizeof(Args) <= 4096, "CUDA passes at most 4 KiB of arguments");
  KernelCall call{reinterpret_cast<const void*>(kernel), &args, sizeof(Args)};
#if !defined(__CUDACC__)
  call.call = [](const void* function, const void* bytes) {
    reinterpret_cast<void (*)(Args)>(const_cast<void*>(function))(*static_cast<const Args*>(bytes));
  };
#endif
  launch_call(stream, launch, call);
}

// The same of a kernel with a design, which is the largest block where its size depends on the
// shape. scripts/kernel_budget reads designs from this function's names in the objects, and whether
// registers and shared memory keep them.
template <auto kKernel, Design kDesign, class Args>
[[gnu::noinline]] void launch(Stream stream, const Launch& how, const Args& args) {
  launch(stream, how, kKernel, args);
}
template <auto kKernel, Design kDesign, class Args>
void launch(Stream stream, Grid grid, const char* name, const Args& args) {
  const Launch how{
      .grid = grid, .threads = kDesign.threads, .shared_bytes = kDesign.shared_bytes, .name = name};
  launch<kKernel, kDesign>(stream, how, args);
}

}  // namespace weft::cuda
