// Activation functions of one float, for .cu files: kernels that apply them alone, and epilogues of
// matrix products. The formulas of activation.h, written so that nothing cancels and NaN stays NaN.
#pragma once

#include <cmath>

#include "kernels/activation/activation.h"
#include "kernels/cuda/base.h"

namespace weft::kernels {

struct ValueAndSlope {
  float value, slope;
};

WEFT_DEVICE float sigmoid(float x) {
  return 1.0f / (1.0f + expf(-x));
}

WEFT_DEVICE ValueAndSlope gelu(float x) {
  const float phi = 0.5f * erfcf(-0.70710678f * x);
  return {x * phi, phi + x * 0.39894228f * expf(-0.5f * x * x)};
}

// (1 + tanh(u)) / 2 is sigmoid(2 u), and loses nothing where tanh is near -1.
WEFT_DEVICE ValueAndSlope gelu_tanh(float x) {
  constexpr float kTwoRoot = 1.59576912f;  // 2 sqrt(2 / pi)
  constexpr float kCubic = 0.044715f;
  const float s = sigmoid(x * (kTwoRoot + kTwoRoot * kCubic * x * x)), y = x * s;
  return {y, y * (1.0f - s) * (kTwoRoot + 3 * kTwoRoot * kCubic * x * x) + s};
}

WEFT_DEVICE ValueAndSlope silu(float x) {
  const float s = sigmoid(x), y = x * s;
  return {y, y * (1.0f - s) + s};
}

WEFT_DEVICE ValueAndSlope activate(ActivationKind kind, float x) {
  switch (kind) {
    case ActivationKind::kGelu: return gelu(x);
    case ActivationKind::kGeluTanh: return gelu_tanh(x);
    case ActivationKind::kSilu: return silu(x);
    case ActivationKind::kRelu: return {x < 0.0f ? 0.0f : x, x <= 0.0f ? 0.0f : 1.0f};
    case ActivationKind::kTanh: break;
  }
  const float y = tanhf(x);
  return {y, 1.0f - y * y};
}

}  // namespace weft::kernels
