// Finds where a step's first NaN or infinity comes from, by computing the step once more with a
// look at every operator's outputs. Slow, and for debugging; it changes no parameter.
#pragma once

#include <string>

#include "data/batch.h"
#include "train/session.h"

namespace weft::train {

struct StepToReplay {
  int64_t index = 0;  // from 0
  double learning_rate = 0;
  const data::BatchSource& batches;
  uint64_t seed = 0;
};

// The step's number, micro-batch and operator, the parameter that it reads or whose gradient it
// makes, and the parameters that are not finite already; in one line for people. The session's
// parameters must be those before the step, as they are after a step that was not applied.
std::string locate_nan(Session& session, const StepToReplay& step);

}  // namespace weft::train
