// Activation functions on float lanes: one definition for the kernels that apply them alone and for
// the epilogues of matrix products, so that a fused operator gives the bits of the unfused one.
#if defined(WEFT_KERNELS_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_ACTIVATION_INL_H_
#undef WEFT_KERNELS_ACTIVATION_INL_H_
#else
#define WEFT_KERNELS_ACTIVATION_INL_H_
#endif

#include "kernels/activation/activation.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// Every function gives its value, and value and slope together, because they share most work.
struct ValueAndSlope {
  V value, slope;
};

struct Gelu {
  static HWY_INLINE V phi(V x) {
    return hn::MulAdd(erf_lanes(hn::Mul(x, all(0.70710678f))), all(0.5f), all(0.5f));
  }
  static HWY_INLINE V value(V x) { return hn::Mul(x, phi(x)); }
  static HWY_INLINE ValueAndSlope both(V x) {
    const V p = phi(x);
    const V density = hn::Mul(all(0.39894228f), exp_lanes(hn::Mul(hn::Mul(x, x), all(-0.5f))));
    return {hn::Mul(x, p), hn::MulAdd(x, density, p)};
  }
};

// (1 + tanh(u)) / 2 is sigmoid(2 u), and loses nothing where tanh is near -1.
struct GeluTanh {
  static constexpr float kTwoRoot = 1.59576912f;  // 2 sqrt(2 / pi)
  static constexpr float kCubic = 0.044715f;
  static HWY_INLINE V gate(V x) {
    const V inner = hn::MulAdd(hn::Mul(x, x), all(kTwoRoot * kCubic), all(kTwoRoot));
    return sigmoid_lanes(hn::Mul(x, inner));
  }
  static HWY_INLINE V value(V x) { return hn::Mul(x, gate(x)); }
  static HWY_INLINE ValueAndSlope both(V x) {
    const V s = gate(x), y = hn::Mul(x, s);
    const V inner_slope = hn::MulAdd(hn::Mul(x, x), all(3 * kTwoRoot * kCubic), all(kTwoRoot));
    return {y, hn::MulAdd(hn::Mul(y, hn::Sub(all(1.0f), s)), inner_slope, s)};
  }
};

struct Silu {
  static HWY_INLINE V value(V x) { return hn::Mul(x, sigmoid_lanes(x)); }
  static HWY_INLINE ValueAndSlope both(V x) {
    const V s = sigmoid_lanes(x), y = hn::Mul(x, s);
    return {y, hn::MulAdd(y, hn::Sub(all(1.0f), s), s)};
  }
};

// Written so that NaN stays NaN.
struct Relu {
  static HWY_INLINE V value(V x) { return hn::IfThenZeroElse(hn::Lt(x, zeros()), x); }
  static HWY_INLINE ValueAndSlope both(V x) {
    return {value(x), hn::IfThenZeroElse(hn::Le(x, zeros()), all(1.0f))};
  }
};

struct Tanh {
  static HWY_INLINE V value(V x) { return tanh_lanes(x); }
  static HWY_INLINE ValueAndSlope both(V x) {
    const V y = tanh_lanes(x);
    return {y, hn::NegMulAdd(y, y, all(1.0f))};
  }
};

template <class Body>
void with_function(ActivationKind kind, Body body) {
  switch (kind) {
    case ActivationKind::kGelu: return body(Gelu());
    case ActivationKind::kGeluTanh: return body(GeluTanh());
    case ActivationKind::kSilu: return body(Silu());
    case ActivationKind::kRelu: return body(Relu());
    case ActivationKind::kTanh: return body(Tanh());
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_ACTIVATION_INL_H_
