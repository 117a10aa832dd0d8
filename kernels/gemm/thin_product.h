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

// sums[i * columns + j] = sum over k of a[i, k] b[k, first_column + j], for every row i.
struct ThinArgs {
  const void* a = nullptr;
  const void* b = nullptr;
  int64_t first_column = 0;
  int64_t columns = 0;
  float* sums = nullptr;
};

// `spec` is thin and its leading dimensions are given.
void multiply_thin(const GemmSpec& spec, const ThinArgs& args);

}  // namespace weft::kernels
