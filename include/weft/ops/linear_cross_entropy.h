// linear_cross_entropy: cross_entropy(x W^T, labels) in chunks of rows, so that the logits never
// exist as a whole, neither in the forward pass nor in the backward pass.
#pragma once

#include "weft/ops/cross_entropy.h"

namespace weft::ops {

// x [..., C], weight [V, C], labels i32 of x's leading sizes. The result is f32[1]: a sum.
Value linear_cross_entropy(Value x, Value weight, Value labels,
                           const CrossEntropyParams& params = {});

}  // namespace weft::ops
