// linear_weight_gradient: what a linear layer's weight and bias receive from its rows. The gradient
// of its input needs no operator of its own: it is linear with the other layout.
#pragma once

#include "weft/ops/linear.h"

namespace weft::ops {

struct LinearWeightGradientParams {
  WeightLayout layout = WeightLayout::kOutIn;
  bool bias = false;  // also sums dy over rows

  void visit(auto&& v) {
    v("layout", layout);
    v("bias", bias);
  }
};

struct LinearGradients {
  Value weight;  // f32, of the weight's shape
  Value bias;    // f32 [out], absent unless asked for
};

// x [..., in] and dy [..., out] of one type.
LinearGradients linear_weight_gradient(Value x, Value dy, const LinearWeightGradientParams& params);

}  // namespace weft::ops
