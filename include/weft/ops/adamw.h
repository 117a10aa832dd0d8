// adamw: Adam with decoupled weight decay (Loshchilov, Hutter, 2019), bias-corrected.
#pragma once

#include "weft/ops/update.h"

namespace weft::ops {

struct AdamWParams {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;
  int64_t decayed = 0;  // the first `decayed` elements decay, the others do not

  void visit(auto&& v) {
    v("beta1", beta1, {.min = 0, .max = 1, .below_max = true});
    v("beta2", beta2, {.min = 0, .max = 1, .below_max = true});
    v("eps", eps, {.min = 0});
    v("weight_decay", weight_decay, {.min = 0});
    v("decayed", decayed, {.min = 0});
  }
};

// moment1 and moment2: states f32 [N], changed in place.
Updated adamw(const UpdateOperands& operands, Value moment1, Value moment2,
              const AdamWParams& params);

}  // namespace weft::ops
