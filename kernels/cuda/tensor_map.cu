// Tensor maps, and what the device can do. The driver is asked through the runtime, so that nothing
// links to it: a machine without one can load this library and be told what is missing.
#include "kernels/cuda/tensor_map.h"

#include <cstring>
#include <string>

#include "weft/error.h"

#if defined(__CUDACC__)
#include <cuda.h>
#else
#include "kernels/emulator/schedule.h"
#endif

namespace weft::cuda {
namespace {

constexpr uint32_t kMostBox = 256;
constexpr int64_t kMostSize = int64_t{1} << 32, kMostStride = int64_t{1} << 40;

// The rule that the spec breaks, or null.
const char* broken_rule(const TensorMapSpec& s) {
  if (s.rank < 1 || s.rank > kMostRank) return "one to four dimensions";
  if (s.element_bytes != 2 && s.element_bytes != 4) return "elements of two or four bytes";
  if (s.data == nullptr || reinterpret_cast<uintptr_t>(s.data) % 16 != 0)
    return "data at a multiple of 16 bytes";
  for (size_t d = 0; d < static_cast<size_t>(s.rank); ++d) {
    if (s.size[d] < 1 || s.size[d] > kMostSize) return "sizes of 1 to 2^32";
    if (s.box[d] < 1 || s.box[d] > kMostBox) return "boxes of 1 to 256";
    if (d == 0) continue;
    if (s.stride[d] < 16 || s.stride[d] % 16 != 0 || s.stride[d] >= kMostStride)
      return "strides that are multiples of 16 bytes, below 2^40";
  }
  if (s.row_bytes() % 16 != 0) return "rows of a box that are multiples of 16 bytes";
  const auto span = static_cast<size_t>(s.swizzle);
  if (span != 0 && s.row_bytes() != span) return "rows of a box as wide as the swizzle";
  return nullptr;
}

#if defined(__CUDACC__)
using Encode = decltype(&cuTensorMapEncodeTiled);

Encode driver_encode() {
  constexpr unsigned kSince = 12000;
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
  const cudaError_t status = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function,
                                                              kSince, cudaEnableDefault, &found);
  if (status != cudaSuccess || found != cudaDriverEntryPointSuccess || function == nullptr) {
    throw Error("the CUDA driver has no tensor maps; kernels for Hopper need one of CUDA 12");
  }
  return reinterpret_cast<Encode>(function);
}

CUtensorMapSwizzle swizzle_of(Swizzle swizzle) {
  switch (swizzle) {
    case Swizzle::kNone: return CU_TENSOR_MAP_SWIZZLE_NONE;
    case Swizzle::k32: return CU_TENSOR_MAP_SWIZZLE_32B;
    case Swizzle::k64: return CU_TENSOR_MAP_SWIZZLE_64B;
    case Swizzle::k128: break;
  }
  return CU_TENSOR_MAP_SWIZZLE_128B;
}

TensorMap encode(const TensorMapSpec& s) {
  static const Encode function = driver_encode();
  cuuint64_t size[kMostRank], stride[kMostRank];
  cuuint32_t box[kMostRank], step[kMostRank];
  for (size_t d = 0; d < static_cast<size_t>(s.rank); ++d) {
    size[d] = static_cast<cuuint64_t>(s.size[d]);
    box[d] = s.box[d];
    step[d] = 1;
    if (d > 0) stride[d - 1] = static_cast<cuuint64_t>(s.stride[d]);
  }
  static_assert(sizeof(CUtensorMap) == sizeof(TensorMap));
  CUtensorMap encoded;
  const auto type =
      s.element_bytes == 2 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  const CUresult status =
      function(&encoded, type, static_cast<cuuint32_t>(s.rank), const_cast<void*>(s.data), size,
               stride, box, step, CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle_of(s.swizzle),
               CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status != CUDA_SUCCESS) {
    throw Error("the CUDA driver refuses a tensor map (error " +
                std::to_string(static_cast<int>(status)) + ")");
  }
  TensorMap map;
  std::memcpy(&map, &encoded, sizeof(map));
  return map;
}
#else
TensorMap encode(const TensorMapSpec& s) {
  TensorMap map{};
  std::memcpy(&map, &s, sizeof(s));
  return map;
}
#endif

}  // namespace

bool tensor_map_fits(const TensorMapSpec& spec) {
  return broken_rule(spec) == nullptr;
}

TensorMap make_tensor_map(const TensorMapSpec& spec) {
  if (const char* rule = broken_rule(spec)) {
    throw Error(std::string("a tensor cannot be described to the copy engine: it takes ") + rule);
  }
  return encode(spec);
}

#if defined(__CUDACC__)
namespace {

int attribute(cudaDeviceAttr which) {
  int device = 0, value = 0;
  if (cudaGetDevice(&device) != cudaSuccess ||
      cudaDeviceGetAttribute(&value, which, device) != cudaSuccess) {
    throw Error("the properties of the GPU cannot be read; is there one?");
  }
  return value;
}

}  // namespace
#endif

int compute_capability() {
#if defined(__CUDACC__)
  return 10 * attribute(cudaDevAttrComputeCapabilityMajor) +
         attribute(cudaDevAttrComputeCapabilityMinor);
#else
  return emulator::compute_capability();
#endif
}

int multiprocessors() {
#if defined(__CUDACC__)
  return attribute(cudaDevAttrMultiProcessorCount);
#else
  return 2;  // so few that a small test's blocks go through several tiles
#endif
}

void check_shared(size_t bytes, const SharedNeed& need) {
#if defined(__CUDACC__)
  const auto most = static_cast<size_t>(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin));
#else
  const size_t most = emulator::most_shared_bytes();
#endif
  if (bytes <= most) return;
  throw Error(need.kernel + ": " + need.shape + " need " + std::to_string(bytes) +
              " bytes of shared memory a block, and this GPU has " + std::to_string(most) + "; " +
              need.remedy + ", or device: cpu");
}

}  // namespace weft::cuda
