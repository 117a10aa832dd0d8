// rms_norm: y = x * rstd * scale, rstd = 1 / sqrt(mean(x^2) + eps), over the last axis
// (Zhang, Sennrich, "Root mean square layer normalization", 2019).
#pragma once

#include "weft/ops/layer_norm.h"

namespace weft::ops {

// x [..., C]; scale [C] in fp32, may be left out. The result is like x.
Value rms_norm(Value x, Value scale, double eps = 1e-6);

}  // namespace weft::ops
