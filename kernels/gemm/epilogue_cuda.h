// What happens to a finished element of a matrix product while it is in a register: scale, bias,
// activation or gate, residual, accumulation, conversion. The order and the roundings are those of
// epilogue.h: what an activation is applied to is rounded as if it had been stored.
#pragma once

#include "kernels/cuda/activation.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/number.h"
#include "kernels/gemm/gemm.h"

namespace weft::kernels {

// Columns that are written together: 16 bytes of bfloat16.
inline constexpr int kEight = 8;
using Eight = cuda::Vector<float, kEight>;

template <class T>
WEFT_DEVICE void add_eight(Eight& y, const T* from) {
  constexpr int kWide = cuda::kVectorOf<T>;
  WEFT_UNROLL
  for (int i = 0; i < kEight; i += kWide) {
    const auto v = cuda::load_vector<kWide>(from + i);
    WEFT_UNROLL
    for (int j = 0; j < kWide; ++j) y[i + j] += cuda::to_float(v[j]);
  }
}

template <class T>
WEFT_DEVICE void store_eight(T* to, const Eight& y) {
  constexpr int kWide = cuda::kVectorOf<T>;
  WEFT_UNROLL
  for (int i = 0; i < kEight; i += kWide) {
    cuda::Vector<T, kWide> v;
    WEFT_UNROLL
    for (int j = 0; j < kWide; ++j) v[j] = cuda::from_float<T>(y[i + j]);
    cuda::store_vector(to + i, v);
  }
}

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
  bool vectors = false;  // eights at columns that are multiples of eight may be vectors
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
    if (s.bias && s.bias_dtype == DType::kBF16) bias_bf16 = static_cast<const BFloat16*>(a.bias);
    else if (s.bias) bias = static_cast<const float*>(a.bias);
    const auto aligned = [](const void* p) {
      return reinterpret_cast<uintptr_t>(p) % cuda::kVectorBytes == 0;
    };
    vectors = aligned(c) && aligned(residual) && aligned(pre) && aligned(bias) &&
              aligned(bias_bf16) && ldc % kEight == 0 && columns_b % kEight == 0 &&
              (!gated || n % kEight == 0);
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

  WEFT_DEVICE Eight linear_eight(int64_t row, int64_t column, const Eight& sums) const {
    Eight z;
    WEFT_UNROLL
    for (int i = 0; i < kEight; ++i) z[i] = sums[i] * alpha;
    if (bias != nullptr) add_eight(z, bias + column);
    if (bias_bf16 != nullptr) add_eight(z, bias_bf16 + column);
    if (pre != nullptr) store_eight(pre + row * columns_b + column, z);
    WEFT_UNROLL
    for (int i = 0; i < kEight; ++i) {
      if (activate) z[i] = cuda::to_float(cuda::from_float<T>(z[i]));
    }
    return z;
  }

  WEFT_DEVICE void finish_eight(int64_t row, int64_t column, Eight& y) const {
    const int64_t at = row * ldc + column;
    if (residual != nullptr) add_eight(y, residual + at);
    if (accumulate || (accumulate_flag != nullptr && cuda::load(accumulate_flag) != 0.0f))
      add_eight(y, c + at);
    store_eight(c + at, y);
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

  // Eight columns from `column` on, as vectors where they fit.
  WEFT_DEVICE void apply_eight(int64_t row, int64_t column, const Eight& sums) const {
    if (row >= m) return;
    if (!vectors || column + kEight > n) {
      WEFT_UNROLL
      for (int i = 0; i < kEight; ++i) apply(row, column + i, sums[i]);
      return;
    }
    Eight y = linear_eight(row, column, sums);
    WEFT_UNROLL
    for (int i = 0; i < kEight; ++i) {
      if (activate) y[i] = cuda::activate(kind, y[i]).value;
    }
    finish_eight(row, column, y);
  }

  WEFT_DEVICE void apply_gated_eight(int64_t row, int64_t column, const Eight& gates,
                                     const Eight& ups) const {
    if (row >= m) return;
    if (!vectors || column + kEight > n) {
      WEFT_UNROLL
      for (int i = 0; i < kEight; ++i) apply_gated(row, column + i, gates[i], ups[i]);
      return;
    }
    Eight y = linear_eight(row, column, gates);
    const Eight w = linear_eight(row, column + n, ups);
    WEFT_UNROLL
    for (int i = 0; i < kEight; ++i) {
      y[i] = (activate ? cuda::activate(kind, y[i]).value : y[i]) * w[i];
    }
    finish_eight(row, column, y);
  }

  // `gate` is the sum of column, `up` that of column + n.
  WEFT_DEVICE void apply_gated(int64_t row, int64_t column, float gate, float up) const {
    if (row >= m || column >= n) return;
    const float z = linear(row, column, gate), w = linear(row, column + n, up);
    finish(row, column, (activate ? cuda::activate(kind, z).value : z) * w);
  }
};

}  // namespace weft::kernels
