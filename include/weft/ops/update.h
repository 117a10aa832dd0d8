// What the optimizers' update operators have in common: each changes a contiguous block of
// parameters in place, in one pass over memory.
#pragma once

#include "weft/graph.h"

namespace weft::ops {

// parameters and gradients f32 [N]. copy, in the compute type [N], may be absent: it is written
// from the new parameters. learning_rate, step (the number of this update, from 1), clip and apply
// are f32[1], computed or written before each update; if apply is 0, nothing changes.
struct UpdateOperands {
  Value parameters;
  Value gradients;
  Value copy;
  Value learning_rate;
  Value step;
  Value clip;
  Value apply;
};

// The changed memory, in the operands' places. Absent where the operand was.
struct Updated {
  Value parameters;
  Value copy;
};

}  // namespace weft::ops
