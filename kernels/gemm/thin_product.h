// Products with very few rows, as when text is generated one token at a time: each weight is read
// once and used at once, so memory bandwidth decides and packing B, as oneDNN does, would double
// it.
#pragma once

#include <cstdint>

#include "kernels/gemm/gemm.h"

namespace weft::kernels {

inline constexpr int64_t kThinRows = 8;
inline bool is_thin(const GemmSpec& spec) {
  return spec.m <= kThinRows && !spec.trans_a;
}

// Columns of a tile: each worker gets the same number of tiles, as wide as their sums stay in the
// first-level cache, because long runs of memory are read faster. Every sum is one tile's, so that
// the number of workers shows in no bit.
int64_t thin_tile_columns(const GemmSpec& spec, int workers);

// Where B is not transposed, a part of its columns is read with a leap after each row, at half of
// the speed: so its rows are cut into slices instead, which workers sum one by one before the tiles
// add them up. Their number depends on k and n alone: the number of workers shows in no bit.
struct ThinSlicing {
  int64_t slices = 1;   // 1: tiles read B themselves
  int64_t columns = 0;  // of a task: all, unless there are more workers than slices
};
ThinSlicing thin_slicing(const GemmSpec& spec, int workers);

// Rows and columns of B.
struct ThinPart {
  int64_t first_row = 0, rows = 0;
  int64_t first_column = 0, columns = 0;
};

// sums[i * ld_sums + j] = sum over k of a[i, k] b[k, first_column + j], for every row i and the
// part's k, which of transposed B are all.
struct ThinArgs {
  const void* a = nullptr;
  const void* b = nullptr;
  ThinPart part;
  float* sums = nullptr;
  int64_t ld_sums = 0;
};

// `spec` is thin and its leading dimensions are given.
void multiply_thin(const GemmSpec& spec, const ThinArgs& args);

// `count` parts that lie `stride` floats apart, added in their order, element by element.
struct ThinSlices {
  const float* first = nullptr;
  int64_t count = 0, stride = 0;
};
void add_slices(const ThinSlices& slices, int64_t elements, float* sums);

}  // namespace weft::kernels
