// sgd: stochastic gradient descent with (Nesterov) momentum; weight decay is added to the gradient.
#pragma once

#include "weft/ops/update.h"

namespace weft::ops {

struct SgdParams {
  double momentum = 0.0;
  bool nesterov = false;
  double weight_decay = 0.0;
  int64_t decayed = 0;  // the first `decayed` elements decay, the others do not

  void visit(auto&& v) {
    v("momentum", momentum, {.min = 0, .max = 1});
    v("nesterov", nesterov);
    v("weight_decay", weight_decay, {.min = 0});
    v("decayed", decayed, {.min = 0});
  }
};

// velocity: state f32 [N], changed in place; absent without momentum.
Updated sgd(const UpdateOperands& operands, Value velocity, const SgdParams& params);

}  // namespace weft::ops
