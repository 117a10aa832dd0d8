// add_rms_norm: sum = x + residual and y = rms_norm(sum), in one pass over memory.
#pragma once

#include "weft/ops/layer_norm.h"

namespace weft::ops {

// x and residual [..., C] of one type; scale [C] in fp32, may be left out.
NormOfSum add_rms_norm(Value x, Value residual, Value scale, double eps = 1e-6);

}  // namespace weft::ops
