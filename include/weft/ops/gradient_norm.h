// gradient_norm: the L2 norm of all gradients, and what clipping and the update make of it.
#pragma once

#include "weft/graph.h"

namespace weft::ops {

struct GradientNormParams {
  double max_norm = 0.0;  // 0: no clipping

  void visit(auto&& v) { v("max_norm", max_norm, {.min = 0}); }
};

struct GradientNorm {
  Value norm;   // f32[1], before clipping
  Value clip;   // f32[1]: min(1, max_norm / (norm + 1e-6)), by which the update scales gradients
  Value apply;  // f32[1]: 1; 0 if the norm is not finite or there is a veto: then the update
                // changes nothing
};

// gradients f32 [N], veto f32 [1], which may be left out: anything but 0, NaN too, forbids the
// update.
GradientNorm gradient_norm(Value gradients, Value veto, const GradientNormParams& params);

}  // namespace weft::ops
