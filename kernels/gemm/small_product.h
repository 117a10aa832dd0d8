// Products with short sums whose operands lie in the second-level cache, as in models of small
// width: A is read as it lies, since packing it (float_product.h) would show. bfloat16 operands are
// widened while they are packed. Not for products of few rows (thin_product.h) nor for processors
// that multiply bfloat16 fast (tile_product.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/gemm/gemm.h"

namespace weft::kernels {

// Whether such a loop is the fastest at this shape, whose input is float or would be widened.
bool is_small(const GemmSpec& spec);

// Rows and columns of a tile.
struct SmallTile {
  int64_t rows = 0, columns = 0;
};
SmallTile small_tile(const GemmSpec& spec);

// Bytes of scratch memory, aligned to 64, for a tile of `rows` rows.
size_t small_scratch_bytes(const GemmSpec& spec, int64_t rows);

// The tile of A B + bias at a row of A and a column of B.
struct SmallArgs {
  const void* a = nullptr;
  const void* b = nullptr;
  int64_t first_row = 0, first_column = 0;
  int64_t rows = 0, columns = 0;
  const float* bias = nullptr;  // of the tile's columns, or null
  void* c = nullptr;            // the tile, in rows of ldc
  int64_t ldc = 0;
  DType output = DType::kF32;  // of c
  void* scratch = nullptr;
};

// `spec` is small and its leading dimensions are given.
void multiply_small(const GemmSpec& spec, const SmallArgs& args);

}  // namespace weft::kernels
