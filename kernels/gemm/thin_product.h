// Products with very few rows, as when text is generated one token at a time: each weight is read
// once and used at once, so memory bandwidth decides and packing B, as oneDNN does, would double
// it.
#pragma once

#include <cstdint>

#include "kernels/gemm/gemm.h"

namespace weft::kernels {

inline constexpr int64_t kThinRows = 4;

inline bool is_thin(const GemmSpec& spec) {
  return spec.m <= kThinRows && !spec.trans_a;
}

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
