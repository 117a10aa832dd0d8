// What happens to a finished element of a matrix product while it is in a register: scale, bias,
// activation or gate, residual, accumulation, conversion. The order and the roundings are those of
// epilogue.h: what an activation is applied to is rounded as if it had been stored.
#pragma once

#include "kernels/cuda/activation.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/number.h"
#include "kernels/gemm/gemm.h"

namespace weft::kernels {

// T is the type of c, residual and pre-activation. Pointers to what is absent are null.
template <class T>
struct Epilogue {
  T* c = nullptr;
  const T* residual = nullptr;
  T* pre = nullptr;  // dense rows of b's columns
  const float* bias = nullptr;
  const BFloat16* bias_bf16 = nullptr;
  int64_t m = 0, n = 0, ldc = 0, columns_b = 0;
  float alpha = 1.0f;
  const float* accumulate_flag = nullptr;
  bool accumulate = false, activate = false, gated = false;
  ActivationKind kind = ActivationKind::kGelu;

  Epilogue(const GemmSpec& s, const GemmArgs& a)
      : c(static_cast<T*>(a.c)),
        residual(s.residual ? static_cast<const T*>(a.residual) : nullptr),
        pre(s.save_pre_activation ? static_cast<T*>(a.pre_activation) : nullptr),
        m(s.m),
        n(s.n),
        ldc(s.ldc == 0 ? s.n : s.ldc),
        columns_b(s.gated ? 2 * s.n : s.n),
        alpha(a.alpha),
        accumulate_flag(a.accumulate_flag),
        accumulate(a.accumulate),
        activate(s.activation.has_value()),
        gated(s.gated),
        kind(s.activation.value_or(ActivationKind::kGelu)) {
    if (!s.bias) return;
    if (s.bias_dtype == DType::kBF16) bias_bf16 = static_cast<const BFloat16*>(a.bias);
    else bias = static_cast<const float*>(a.bias);
  }

  // alpha sum + bias for a column of b.
  WEFT_DEVICE float linear(int64_t row, int64_t column, float sum) const {
    float z = sum * alpha;
    if (bias != nullptr) z += cuda::load(bias + column);
    if (bias_bf16 != nullptr) z += cuda::to_float(cuda::load(bias_bf16 + column));
    const T stored = cuda::from_float<T>(z);
    if (pre != nullptr) cuda::store(pre + row * columns_b + column, stored);
    return activate ? cuda::to_float(stored) : z;
  }

  WEFT_DEVICE void finish(int64_t row, int64_t column, float y) const {
    const int64_t at = row * ldc + column;
    if (residual != nullptr) y += cuda::to_float(cuda::load(residual + at));
    if (accumulate || (accumulate_flag != nullptr && cuda::load(accumulate_flag) != 0.0f))
      y += cuda::to_float(cuda::load(c + at));
    cuda::store(c + at, cuda::from_float<T>(y));
  }

  WEFT_DEVICE void apply(int64_t row, int64_t column, float sum) const {
    if (row >= m || column >= n) return;
    const float z = linear(row, column, sum);
    finish(row, column, activate ? cuda::activate(kind, z).value : z);
  }

  // `gate` is the sum of column, `up` that of column + n.
  WEFT_DEVICE void apply_gated(int64_t row, int64_t column, float gate, float up) const {
    if (row >= m || column >= n) return;
    const float z = linear(row, column, gate), w = linear(row, column + n, up);
    finish(row, column, (activate ? cuda::activate(kind, z).value : z) * w);
  }
};

}  // namespace weft::kernels
