// Activation functions of one element, for kernels that apply them alone and for the epilogues of
// matrix products. Formulas and names: kernels/activation/activation.h. Written so that NaN stays
// NaN, and nothing overflows on the way to a finite result.
#pragma once

#include "kernels/activation/activation.h"
#include "kernels/cuda/base.h"
#include "kernels/cuda/number.h"

namespace weft::cuda {

struct ValueAndSlope {
  float value, slope;
};

WEFT_DEVICE float fast_exp(float x) {
  return fast_exp2(x * 1.44269504f);
}
WEFT_DEVICE float sigmoid(float x) {
  return 1.0f / (1.0f + fast_exp(-x));
}

// 1 - 2 / (exp(2 |x|) + 1) loses what is small: there the series, whose error is below 4e-7.
WEFT_DEVICE float tanh_of(float x) {
  const float size = x < 0.0f ? -x : x, square = x * x;
  if (size < 0.25f) {
    return x + x * square *
                   (-0.33333333f +
                    square * (0.13333333f + square * (-0.053968254f + square * 0.021869488f)));
  }
  const float large = 1.0f - 2.0f / (fast_exp(2.0f * size) + 1.0f);
  return x < 0.0f ? -large : large;
}

WEFT_DEVICE ValueAndSlope gelu_of(float x) {
  const float phi = 0.5f + 0.5f * error_function(x * 0.70710678f);
  return {x * phi, phi + x * 0.39894228f * fast_exp(-0.5f * x * x)};
}

// (1 + tanh(u)) / 2 is sigmoid(2 u), and loses nothing where tanh is near -1.
WEFT_DEVICE ValueAndSlope gelu_tanh_of(float x) {
  constexpr float kTwoRoot = 1.59576912f, kCubic = 0.044715f;  // 2 sqrt(2 / pi)
  const float s = sigmoid(x * (kTwoRoot + kTwoRoot * kCubic * x * x)), y = x * s;
  return {y, s + y * (1.0f - s) * (kTwoRoot + 3.0f * kTwoRoot * kCubic * x * x)};
}

WEFT_DEVICE ValueAndSlope silu_of(float x) {
  const float s = sigmoid(x), y = x * s;
  return {y, s + y * (1.0f - s)};
}

WEFT_DEVICE ValueAndSlope activate(kernels::ActivationKind kind, float x) {
  using kernels::ActivationKind;
  switch (kind) {
    case ActivationKind::kGelu: return gelu_of(x);
    case ActivationKind::kGeluTanh: return gelu_tanh_of(x);
    case ActivationKind::kSilu: return silu_of(x);
    case ActivationKind::kRelu: return {x < 0.0f ? 0.0f : x, x <= 0.0f ? 0.0f : 1.0f};
    case ActivationKind::kTanh: break;
  }
  const float y = tanh_of(x);
  return {y, 1.0f - y * y};
}

}  // namespace weft::cuda
