// The words that every kernel needs: how a kernel and a device function are declared, and who the
// running thread is. Blocks are one-dimensional. On the host the same words ask the emulator.
#pragma once

#include <cstddef>
#include <cstdint>

#if !defined(__CUDACC__)
#include "kernels/emulator/thread.h"
#endif

// WEFT_KERNEL(threads in a block at most, and optionally blocks that shall fit on a
// multiprocessor). WEFT_UNROLL before a loop whose counts are constants: arrays indexed by them
// stay in registers. WEFT_GRID_CONSTANT before a kernel's argument: it stays where the launch put
// it, so that parts of it have an address, as tensor maps need.
#if defined(__CUDACC__)
#define WEFT_KERNEL(...) __global__ void __launch_bounds__(__VA_ARGS__)
#define WEFT_DEVICE __device__ __forceinline__
#define WEFT_UNROLL _Pragma("unroll")
#define WEFT_GRID_CONSTANT const __grid_constant__
#else
#define WEFT_KERNEL(...) void
#define WEFT_DEVICE inline
#define WEFT_UNROLL
#define WEFT_GRID_CONSTANT const
#endif

namespace weft::cuda {

inline constexpr unsigned kWarp = 32;
inline constexpr unsigned kAllLanes = 0xffffffffu;

// Where in the source a call stands. The last argument of what the emulator checks; nothing on a
// GPU.
#if defined(__CUDACC__)
struct Site {};
#else
using emulator::Site;
#endif

struct Place {
  unsigned x, y, z;
};

WEFT_DEVICE unsigned thread_index() {
#if defined(__CUDACC__)
  return threadIdx.x;
#else
  return emulator::thread_index();
#endif
}

WEFT_DEVICE unsigned thread_count() {
#if defined(__CUDACC__)
  return blockDim.x;
#else
  return emulator::launch_of_block().threads;
#endif
}

WEFT_DEVICE Place block_index() {
#if defined(__CUDACC__)
  return {blockIdx.x, blockIdx.y, blockIdx.z};
#else
  const emulator::BlockIndex at = emulator::block_index();
  return {at.x, at.y, at.z};
#endif
}

WEFT_DEVICE Place grid_size() {
#if defined(__CUDACC__)
  return {gridDim.x, gridDim.y, gridDim.z};
#else
  const emulator::GridSize grid = emulator::launch_of_block().grid;
  return {grid.x, grid.y, grid.z};
#endif
}

WEFT_DEVICE unsigned lane_index() {
  return thread_index() % kWarp;
}
WEFT_DEVICE unsigned warp_index() {
  return thread_index() / kWarp;
}
WEFT_DEVICE unsigned warp_count() {
  return (thread_count() + kWarp - 1) / kWarp;
}

template <class A, class B>
constexpr A ceil_div(A a, B b) {
  return static_cast<A>((a + static_cast<A>(b) - 1) / static_cast<A>(b));
}
template <class A, class B>
constexpr A round_up(A a, B b) {
  return static_cast<A>(ceil_div(a, b) * static_cast<A>(b));
}

}  // namespace weft::cuda
