// linear_activation: y = f(x W^T + bias), or with gates f(g) u of g u = x W^T + bias (SwiGLU with
// silu), applied to each tile of the product while it is in the cache.
#pragma once

#include "weft/ops/linear.h"

namespace weft::ops {

struct LinearActivationParams {
  Activation kind = Activation::kGelu;
  WeightLayout layout = WeightLayout::kOutIn;
  bool gated = false;     // the weight has 2 F outputs, the gates' first; the result has F
  bool keep_sums = true;  // keep x W^T + bias for the gradient, which makes it again otherwise

  void visit(auto&& v) {
    v("kind", kind);
    v("layout", layout);
    v("gated", gated);
    v("keep_sums", keep_sums);
  }
};

// x [..., in], weight as `layout` says, bias [out] in fp32 or absent. The result is [..., out], or
// [..., out / 2] with gates.
Value linear_activation(Value x, Value weight, Value bias, const LinearActivationParams& params);

}  // namespace weft::ops
