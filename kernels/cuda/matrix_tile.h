// Tiles of bfloat16 in shared memory as copies of boxes fill them and wgmma reads them: panels of
// one swizzled row's width each, so that a tile is one box a panel. A kernel names the tile's rows
// and columns; descriptors are this file's affair. For mma.sync see tile.h. PTX ISA, "Shared Memory
// Matrix Layout" and "Matrix Descriptor Format".
#pragma once

#include "kernels/cuda/base.h"
#include "kernels/cuda/mbarrier.h"
#include "kernels/cuda/tensor_map.h"
#include "weft/dtype.h"

namespace weft::cuda {

// Which index of an operand has adjacent elements: k, or the other one.
enum class Major { kK, kMN };

// Start, and two strides: see matrix_descriptor().
struct MatrixDescriptor {
  uint64_t bits;
};

// k-major: `stride` bytes lie between groups of 8 rows; `leading` counts only without a swizzle,
// where it lies between the two chunks of 8 of k. MN-major: `stride` lies between groups of 8 of k,
// `leading` between panels as wide as the swizzle (without one the two change places).
WEFT_DEVICE MatrixDescriptor matrix_descriptor(const void* start, uint32_t leading, uint32_t stride,
                                               Swizzle swizzle) {
#if defined(__CUDACC__)
  const uint32_t at = shared_address(start);
#else
  const auto at = static_cast<uint32_t>(emulator::shared_offset(start));
#endif
  // In units of 16 bytes, 14 bits each; bits 62 and 63 tell the swizzle.
  const auto field = [](uint32_t bytes) { return static_cast<uint64_t>(bytes >> 4 & 0x3fffu); };
  const uint64_t layout = swizzle == Swizzle::k128  ? 1
                          : swizzle == Swizzle::k64 ? 2
                          : swizzle == Swizzle::k32 ? 3
                                                    : 0;
  return {field(at) | field(leading) << 16 | field(stride) << 32 | layout << 62};
}

template <int kRows, int kColumns, Swizzle kSwizzle = Swizzle::k128>
struct MatrixTile {
  static constexpr int kWidth = static_cast<int>(kSwizzle) / 2;  // of a panel
  static constexpr int kPanels = kColumns / kWidth;
  static constexpr uint32_t kEightRows = 8 * static_cast<uint32_t>(kSwizzle);
  static_assert(kSwizzle != Swizzle::kNone && kColumns % kWidth == 0 && kRows % 8 == 0);

  alignas(1024) BFloat16 panels[kPanels][kRows][kWidth];

  static constexpr size_t bytes() { return sizeof(panels); }

  // An operand whose rows or columns (M or N) are the tile's rows from `row` on, a multiple of 8;
  // its k are 16 columns from `k` on.
  WEFT_DEVICE MatrixDescriptor rows_by_k(int row, int k) const {
    return matrix_descriptor(&panels[k / kWidth][row][k % kWidth], 0, kEightRows, kSwizzle);
  }
  // An operand whose k are 16 rows from `k` on, a multiple of 8; its M or N are the columns from
  // `column` on, a multiple of the panels' width.
  WEFT_DEVICE MatrixDescriptor columns_by_k(int k, int column) const {
    return matrix_descriptor(&panels[column / kWidth][k][0], sizeof(panels[0]), kEightRows,
                             kSwizzle);
  }
  // Where the chunk of 8 columns from `column` on of a row lies, for ordinary accesses.
  WEFT_DEVICE BFloat16* chunk(int row, int column) {
    constexpr int kChunks = kWidth / 8, kRowsOfLine = 64 / kWidth;  // rows in 128 bytes
    const int c = column % kWidth / 8 ^ row / kRowsOfLine % kChunks;
    return &panels[column / kWidth][row][c * 8];
  }
};

}  // namespace weft::cuda
