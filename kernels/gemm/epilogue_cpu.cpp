// Epilogues of matrix products on vector lanes. See epilogue.h.
#include "kernels/gemm/epilogue.h"

#include <type_traits>

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/epilogue_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/activation/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

struct Identity {
  static HWY_INLINE V value(V z) { return z; }
};

HWY_INLINE V rounded(V value, const float*) {
  return value;
}
HWY_INLINE V rounded(V value, const BFloat16*) {
  return from_bf16(to_bf16(value));
}

// alpha sums + bias, also written to the pre-activation where one is asked for. What an activation
// is applied to is rounded as if it had been: the result does not depend on who reads it as well.
template <class Function, class T, class Extent>
HWY_INLINE V linear_part(const float* sums, const float* bias, T* pre, float alpha, Extent extent) {
  V z = hn::Mul(load(sums, extent), all(alpha));
  if (bias != nullptr) z = hn::Add(z, load(bias, extent));
  if (pre != nullptr) store(z, pre, extent);
  return std::is_same_v<Function, Identity> ? z : rounded(z, pre);
}

template <class T, class Function>
void epilogue_row(const EpilogueTile<T>& t, int64_t row, Function f) {
  const float* sums = t.sums + row * t.ld_sums;
  const float* sums_up = t.sums_up == nullptr ? nullptr : t.sums_up + row * t.ld_sums;
  const T* residual = t.residual == nullptr ? nullptr : t.residual + row * t.ldc;
  T* c = t.c + row * t.ldc;
  T* pre = t.pre == nullptr ? nullptr : t.pre + row * t.ld_pre;
  T* pre_up = t.pre_up == nullptr ? nullptr : t.pre_up + row * t.ld_pre;
  for_lanes(t.columns, [&](int64_t i, auto extent) WEFT_LANES {
    const auto at = [i](auto* p) WEFT_LANES { return p == nullptr ? p : p + i; };
    V y = f.value(linear_part<Function>(sums + i, at(t.bias), at(pre), t.alpha, extent));
    if (sums_up != nullptr) {
      y = hn::Mul(y,
                  linear_part<Function>(sums_up + i, at(t.bias_up), at(pre_up), t.alpha, extent));
    }
    if (residual != nullptr) y = hn::Add(y, load(residual + i, extent));
    if (t.accumulate) y = hn::Add(y, load(c + i, extent));
    store(y, c + i, extent);
  });
}

template <class T, class Function>
void epilogue_rows(const EpilogueTile<T>& t, Function f) {
  for (int64_t row = 0; row < t.rows; ++row) epilogue_row(t, row, f);
}

template <class T>
void epilogue(const EpilogueTile<T>& t, std::optional<ActivationKind> activation) {
  if (!activation) return epilogue_rows(t, Identity());
  with_function(*activation, [&t](auto f) { epilogue_rows(t, f); });
}

void epilogue_f32(const EpilogueTile<float>& t, std::optional<ActivationKind> activation) {
  epilogue(t, activation);
}
void epilogue_bf16(const EpilogueTile<BFloat16>& t, std::optional<ActivationKind> activation) {
  epilogue(t, activation);
}

void widen(const BFloat16* from, int64_t ld_from, int64_t rows, int64_t columns, float* to) {
  for (int64_t row = 0; row < rows; ++row) {
    const BFloat16* source = from + row * ld_from;
    float* target = to + row * columns;
    for_lanes(columns, [&](int64_t i, auto extent)
                           WEFT_LANES { store(load(source + i, extent), target + i, extent); });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(epilogue_f32);
HWY_EXPORT(epilogue_bf16);
HWY_EXPORT(widen);

void apply_epilogue(const EpilogueTile<float>& tile, std::optional<ActivationKind> activation) {
  HWY_DYNAMIC_DISPATCH(epilogue_f32)(tile, activation);
}
void apply_epilogue(const EpilogueTile<BFloat16>& tile, std::optional<ActivationKind> activation) {
  HWY_DYNAMIC_DISPATCH(epilogue_bf16)(tile, activation);
}
void widen_tile(const BFloat16* from, int64_t ld_from, int64_t rows, int64_t columns, float* to) {
  HWY_DYNAMIC_DISPATCH(widen)(from, ld_from, rows, columns, to);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
