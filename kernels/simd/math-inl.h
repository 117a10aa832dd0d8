// exp, sigmoid, tanh and erf on float lanes. Coefficients are our own minimax fits (Lawson's
// iteration on Chebyshev points); the stated errors are checked by
// tests/kernels_rows/math_test.cpp. NaN gives NaN; infinities give the limits.
#if defined(WEFT_KERNELS_SIMD_MATH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_SIMD_MATH_INL_H
#undef WEFT_KERNELS_SIMD_MATH_INL_H
#else
#define WEFT_KERNELS_SIMD_MATH_INL_H
#endif

#include <limits>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// c0 + c1 x + c2 x^2 + ..., highest power first in the evaluation (Horner).
HWY_INLINE V polynomial(V, float c0) {
  return all(c0);
}
template <class... Rest>
HWY_INLINE V polynomial(V x, float c0, Rest... rest) {
  return hn::MulAdd(polynomial(x, rest...), x, all(c0));
}

// Relative error below 2e-7; 0 below -87.3 (no denormal results), infinity above 88.7.
HWY_INLINE V exp_lanes(V x) {
  constexpr float kLow = -87.33654f, kHigh = 88.72284f;
  const V n = hn::Round(hn::Mul(x, all(1.44269504f)));
  // x - n ln 2 with ln 2 in two parts: n times the first part is exact.
  const V r = hn::NegMulAdd(n, all(-2.12194440e-4f), hn::NegMulAdd(n, all(0.693359375f), x));
  const V tail = polynomial(r, 0.49999994f, 0.16666521f, 0.04166839f, 0.008368717f, 0.0013814599f);
  const V fraction = hn::Add(hn::MulAdd(hn::Mul(r, r), tail, r), all(1.0f));
  // 2^n in two factors, because n = 128 occurs and is no float exponent.
  const auto k = hn::ConvertTo(I32(), n);
  const auto half = hn::ShiftRight<1>(k);
  const auto power = [](auto e) WEFT_LANES {
    return hn::BitCast(F32(), hn::ShiftLeft<23>(hn::Add(e, hn::Set(I32(), 127))));
  };
  const V value = hn::Mul(hn::Mul(fraction, power(half)), power(hn::Sub(k, half)));
  const V infinity = all(std::numeric_limits<float>::infinity());
  return hn::IfThenZeroElse(hn::Lt(x, all(kLow)),
                            hn::IfThenElse(hn::Gt(x, all(kHigh)), infinity, value));
}

// A value, or `low` if it is less (`high` if it is more); NaN stays NaN.
HWY_INLINE V at_least(V value, float low) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
  return hn::Max(all(low), value);  // the instruction returns its second operand if one is NaN
#else
  return hn::IfThenElse(hn::Lt(value, all(low)), all(low), value);
#endif
}
HWY_INLINE V at_most(V value, float high) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
  return hn::Min(all(high), value);
#else
  return hn::IfThenElse(hn::Gt(value, all(high)), all(high), value);
#endif
}

// exp_lanes with two thirds of its instructions, for x from -87.3 to 89, and infinity from 88.4 on:
// adding 1.5 * 2^23 leaves n in the lowest bits.
HWY_INLINE V exp_within(V x) {
  const V magic = all(0x1.8p23f);
  const V shifted = hn::MulAdd(x, all(1.44269504f), magic), n = hn::Sub(shifted, magic);
  const V r = hn::NegMulAdd(n, all(-2.12194440e-4f), hn::NegMulAdd(n, all(0.693359375f), x));
  const V fraction =
      polynomial(r, 1.0f, 1.0f, 0.49999994f, 0.16666521f, 0.04166839f, 0.008368717f, 0.0013814599f);
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(I32(), shifted));
  const auto power = hn::Add(exponent, hn::BitCast(I32(), all(1.0f)));
  return hn::Mul(fraction, hn::BitCast(F32(), power));
}

// 1 / (1 + exp(-x)); relative error below 4e-7 where the result is a normal number.
HWY_INLINE V sigmoid_lanes(V x) {
  const V e = exp_within(hn::Neg(at_most(at_least(x, -89.0f), 87.3f)));
  return hn::Div(all(1.0f), hn::Add(all(1.0f), e));
}

// Relative error below 4e-7.
HWY_INLINE V tanh_lanes(V x) {
  const V size = hn::Abs(x), square = hn::Mul(x, x);
  const V series =
      polynomial(square, -0.33333284f, 0.13331491f, -0.053743497f, 0.020650586f, -0.0057170447f);
  const V small = hn::MulAdd(hn::Mul(x, square), series, x);
  const V e = exp_lanes(hn::Add(size, size));
  const V large = hn::Sub(all(1.0f), hn::Div(all(2.0f), hn::Add(e, all(1.0f))));
  return hn::IfThenElse(hn::Lt(size, all(0.625f)), small, hn::CopySign(large, x));
}

// Absolute error below 2e-7. Near zero x times a polynomial in x^2, then 1 - exp(polynomial).
HWY_INLINE V erf_lanes(V x) {
  const V size = hn::Abs(x);
  const V small =
      hn::Mul(x, polynomial(hn::Mul(x, x), 1.1283792f, -0.37612638f, 0.11283783f, -0.026865445f,
                            0.005221075f, -0.0008484712f, 0.000112705464f, -9.680141e-06f));
  const V limited = hn::IfThenElse(hn::Gt(size, all(4.0f)), all(4.0f), size);
  const V log_erfc =
      polynomial(hn::Sub(limited, all(2.5f)), -7.806815f, -5.3526807f, -0.9438923f, -0.010854245f,
                 0.002167085f, -0.00042822075f, 6.476046e-05f, -2.0288522e-05f, 2.5128534e-07f);
  const V large = hn::Sub(all(1.0f), exp_lanes(log_erfc));
  return hn::IfThenElse(hn::Lt(size, all(1.0f)), small, hn::CopySign(large, x));
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_SIMD_MATH_INL_H
