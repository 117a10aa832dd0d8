// add_layer_norm: sum = x + residual and y = layer_norm(sum), in one pass over memory.
#pragma once

#include "weft/ops/layer_norm.h"

namespace weft::ops {

// x and residual [..., C] of one type; scale and bias [C] in fp32, each may be left out.
NormOfSum add_layer_norm(Value x, Value residual, Value scale, Value bias, double eps = 1e-5);

}  // namespace weft::ops
