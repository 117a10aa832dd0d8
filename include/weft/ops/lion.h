// lion: the sign of an interpolated momentum (Chen et al., "Symbolic discovery of optimization
// algorithms", 2023), with decoupled weight decay.
#pragma once

#include "weft/ops/update.h"

namespace weft::ops {

struct LionParams {
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0.0;
  int64_t decayed = 0;  // the first `decayed` elements decay, the others do not

  void visit(auto&& v) {
    v("beta1", beta1, {.min = 0, .max = 1});
    v("beta2", beta2, {.min = 0, .max = 1});
    v("weight_decay", weight_decay, {.min = 0});
    v("decayed", decayed, {.min = 0});
  }
};

// moment: state f32 [N], changed in place.
Updated lion(const UpdateOperands& operands, Value moment, const LionParams& params);

}  // namespace weft::ops
