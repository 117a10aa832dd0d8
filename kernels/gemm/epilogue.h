// What happens to a finished tile of a matrix product while it is still in the cache: scale, bias,
// activation, residual, conversion. And the widening of bfloat16 tiles before a product in float.
#pragma once

#include <cstdint>

#include "kernels/gemm/gemm.h"
#include "weft/dtype.h"

namespace weft::kernels {

// One tile. `sums` are dense rows of `ld_sums`; with kSwiGlu they hold the gate, `sums_up` the
// other half. Pointers to what is absent are null. All rows of `c` and `residual` have `ldc`
// elements.
template <class T>
struct EpilogueTile {
  int64_t rows = 0, columns = 0, ld_sums = 0, ldc = 0, ld_pre = 0;
  float alpha = 1.0f;
  bool accumulate = false;
  const float* sums = nullptr;
  const float* sums_up = nullptr;
  const float* bias = nullptr;
  const float* bias_up = nullptr;
  const T* residual = nullptr;
  T* pre = nullptr;
  T* pre_up = nullptr;
  T* c = nullptr;
};

void apply_epilogue(const EpilogueTile<float>& tile, std::optional<ActivationKind> activation);
void apply_epilogue(const EpilogueTile<BFloat16>& tile, std::optional<ActivationKind> activation);

// to[row][column] = from[row][column] as float; rows of `ld_from`, dense rows in `to`.
void widen_tile(const BFloat16* from, int64_t ld_from, int64_t rows, int64_t columns, float* to);

}  // namespace weft::kernels
