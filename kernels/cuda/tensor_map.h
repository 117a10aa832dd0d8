// How a tensor in global memory is described to the bulk copy engine of sm_90, so that one
// instruction copies a box of it into a tile of shared memory, or back (box_copies.h). Made by the
// launcher on the host and passed to the kernel by value, in a struct that the kernel takes as
// WEFT_GRID_CONSTANT. CUDA driver API, "Tensor Map Object Management"; PTX ISA, "Tensor-map".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace weft::cuda {

inline constexpr int kMostRank = 4;  // of ours; the hardware has 5

// How 16-byte chunks are permuted in shared memory: of a row of so many bytes, chunk c lies where
// chunk c xor (address / 128 modulo bytes / 16) would. Tiles then begin at multiples of 8 rows.
enum class Swizzle : uint32_t { kNone = 0, k32 = 32, k64 = 64, k128 = 128 };

// Dimension 0 is the one whose elements are adjacent. What a box has outside the tensor is read as
// zeros, and not written.
struct TensorMapSpec {
  const void* data = nullptr;  // multiple of 16 bytes
  int rank = 2;
  uint32_t element_bytes = 2;  // 2: bfloat16, 4: float
  std::array<int64_t, kMostRank> size{1, 1, 1, 1};
  std::array<int64_t, kMostRank> stride{};  // bytes, of dimensions 1 and on: multiples of 16
  std::array<uint32_t, kMostRank> box{1, 1, 1, 1};  // at most 256 each
  Swizzle swizzle = Swizzle::k128;                  // box[0] elements are just so wide

  constexpr size_t row_bytes() const { return size_t{box[0]} * element_bytes; }
  constexpr size_t box_bytes() const {
    size_t bytes = element_bytes;
    for (const uint32_t n : box) bytes *= n;
    return bytes;
  }
};

// What the engine reads: on a GPU the driver's encoding, on the emulated device the description.
#if defined(__CUDACC__)
struct alignas(64) TensorMap {
#else
struct alignas(8) TensorMap {
#endif
  unsigned char bytes[128];
};
static_assert(sizeof(TensorMapSpec) <= sizeof(TensorMap));

// Whether the rules above hold, so that make_tensor_map will not throw. Kernels that must take
// every tensor fall back to ordinary copies otherwise.
bool tensor_map_fits(const TensorMapSpec& spec);
// Throws weft::Error saying which rule is broken, or that the driver has no tensor maps.
TensorMap make_tensor_map(const TensorMapSpec& spec);

// 10 times the major compute capability of the current device, plus the minor one: 90 on Hopper.
int compute_capability();
// Of the current device: how many blocks of a persistent kernel there are.
int multiprocessors();

// What a shape asks of a block: "attention on a GPU", "heads of 256", and what a user may do.
struct SharedNeed {
  std::string kernel, shape, remedy;
};
// Throws weft::Error if a block of the current device cannot have `bytes` of shared memory: 163 KiB
// on an A100, 227 on Hopper, 99 on GPUs for desktops.
void check_shared(size_t bytes, const SharedNeed& need);

}  // namespace weft::cuda
