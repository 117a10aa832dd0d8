// Tiles of bfloat16 in shared memory for mma.sync: how they are filled from a matrix in global
// memory, and how a warp takes its operands from them. A kernel names tiles and where they begin;
// lanes are this file's affair.
#pragma once

#include "kernels/cuda/async_copies.h"
#include "kernels/cuda/base.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/mma.h"

namespace weft::cuda {

// kRows rows in chunks of 8 elements (16 bytes). Chunk c of row r lies where chunk c xor (r % 8)
// would: the eight rows that ldmatrix reads at one chunk then use all 32 banks once.
template <int kRows, int kColumns>
struct SharedTile {
  static_assert(kColumns % 64 == 0, "the swizzle permutes groups of eight chunks");
  static constexpr int kChunk = kVectorOf<BFloat16>;
  static constexpr int kChunks = kColumns / kChunk;

  alignas(128) BFloat16 elements[kRows * kColumns];

  WEFT_DEVICE BFloat16* chunk(int row, int c) {
    return elements + row * kColumns + (c ^ (row % 8)) * kChunk;
  }
};

// A row-major matrix in global memory; what lies outside reads as 0.
struct MatrixView {
  const BFloat16* data = nullptr;
  int64_t rows = 0, columns = 0, stride = 0;
  bool chunks = false;  // every row begins at a multiple of 16 bytes
};

// The first `valid` of 8 elements, which need not be aligned; zeros for the rest.
WEFT_DEVICE Vector<BFloat16, 8> gather_chunk(const BFloat16* from, int64_t valid) {
  Vector<BFloat16, 8> v;
  for (int k = 0; k < 8; ++k) v[k] = k < valid ? load(from + k) : BFloat16::from_bits(0);
  return v;
}

// Row r of the tile is the matrix's row row_of(r), its chunk c the 8 columns from column_of(c) on.
// By all threads of the block; asynchronous where the matrix allows: there after wait_for_copies
// and a barrier.
template <int kRows, int kColumns, class RowOf, class ColumnOf>
WEFT_DEVICE void copy_tile(SharedTile<kRows, kColumns>& tile, const MatrixView& m, RowOf row_of,
                           ColumnOf column_of) {
  constexpr int kChunks = SharedTile<kRows, kColumns>::kChunks;
  for (int i = static_cast<int>(thread_index()); i < kRows * kChunks;
       i += static_cast<int>(thread_count())) {
    const int r = i / kChunks, c = i % kChunks;
    const int64_t row = row_of(r), column = column_of(c);
    const int64_t left = row < m.rows ? m.columns - column : 0;
    const int64_t valid = left < 0 ? 0 : left < 8 ? left : 8;
    const BFloat16* from = valid > 0 ? m.data + row * m.stride + column : m.data;
    if (m.chunks) {
      copy_async(tile.chunk(r, c), from, static_cast<int>(valid) * 2);
    } else {
      store_vector(tile.chunk(r, c), gather_chunk(from, valid));
    }
  }
}

// The 16 x 16 operand A at row m, column k of a tile that holds A; kTransposed: that holds A^T.
template <bool kTransposed, int kRows, int kColumns>
WEFT_DEVICE FragmentA load_a(SharedTile<kRows, kColumns>& tile, int m, int k) {
  const int lane = static_cast<int>(lane_index()), i = lane % 8, matrix = lane / 8;
  const int down = 8 * (matrix % 2), right = 8 * (matrix / 2);  // of the lane's 8 x 8 matrix in A
  const BFloat16* row = kTransposed ? tile.chunk(k + right + i, (m + down) / 8)
                                    : tile.chunk(m + down + i, (k + right) / 8);
  const Vector<uint32_t, 4> v = load_matrices<kTransposed>(row);
  return {{v[0], v[1], v[2], v[3]}};
}

struct FragmentsB {
  FragmentB left, right;  // columns n to n + 7, and the next 8
};

// The 16 x 16 operand B at row k, column n of a tile that holds B; kTransposed: that holds B^T.
template <bool kTransposed, int kRows, int kColumns>
WEFT_DEVICE FragmentsB load_b(SharedTile<kRows, kColumns>& tile, int k, int n) {
  const int lane = static_cast<int>(lane_index()), i = lane % 8, matrix = lane / 8;
  const int down = 8 * (matrix % 2), right = 8 * (matrix / 2);
  const BFloat16* row = kTransposed ? tile.chunk(n + right + i, (k + down) / 8)
                                    : tile.chunk(k + down + i, (n + right) / 8);
  const Vector<uint32_t, 4> v = load_matrices<!kTransposed>(row);
  return {{{v[0], v[1]}}, {{v[2], v[3]}}};
}

// Where element i of a lane's FragmentC lies in its 16 x 8 block.
WEFT_DEVICE int fragment_row(int i) {
  return static_cast<int>(lane_index()) / 4 + 8 * (i / 2);
}
WEFT_DEVICE int fragment_column(int i) {
  return static_cast<int>(lane_index()) % 4 * 2 + i % 2;
}

}  // namespace weft::cuda
