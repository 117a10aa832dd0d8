// layer_norm: y = (x - mean) * rstd * scale + bias over the last axis
// (Ba, Kiros, Hinton, "Layer normalization", 2016).
#pragma once

#include "weft/graph.h"

namespace weft::ops {

struct NormParams {
  double eps = 1e-5;

  void visit(auto&& v) { v("eps", eps, {.help = "added to the variance", .min = 0}); }
};

// x [..., C]; scale and bias [C] in fp32, each may be left out. The result is like x.
Value layer_norm(Value x, Value scale, Value bias, double eps = 1e-5);

// A norm of a sum, and the sum itself, which goes on as the residual stream.
struct NormOfSum {
  Value y;
  Value sum;
};

}  // namespace weft::ops
