// adafactor: the second moment of a matrix as a product of a column and a row (Shazeer and Stern,
// "Adafactor: adaptive learning rates with sublinear memory cost", 2018), with decoupled weight
// decay, as transformers.optimization.Adafactor does it with a given learning rate and without a
// first moment (scale_parameter and relative_step off).
#pragma once

#include "weft/ops/update.h"

namespace weft::ops {

struct AdafactorParams {
  double decay_rate = 0.8;      // update t keeps 1 - t^-decay_rate of the second moment
  double eps = 1e-30;           // added to squares
  double clip_threshold = 1.0;  // the root mean square of an update, for a rate of 1, at most
  double weight_decay = 0.0;

  void visit(auto&& v) {
    v("decay_rate", decay_rate, {.min = 0, .max = 1});
    v("eps", eps, {.min = 0});
    v("clip_threshold", clip_threshold, {.min = 0});
    v("weight_decay", weight_decay, {.min = 0});
  }
};

// Floats of `factors` for parameters of a shape: rows + columns for each matrix of a stack
// [..., rows, columns], as many as there are parameters for a vector.
int64_t adafactor_factors(const Shape& parameters);

// Parameters, gradients and copy are one parameter of a model: a matrix or a stack of them, of
// which each is updated on its own, or a vector. factors: state f32 [adafactor_factors], changed in
// place: of each matrix the means over its rows, then over its columns; or the second moments.
Updated adafactor(const UpdateOperands& operands, Value factors, const AdafactorParams& params);

}  // namespace weft::ops
