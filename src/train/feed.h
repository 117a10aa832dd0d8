// Writes what one micro-batch of a training step computes with into the inputs of its program.
#pragma once

#include <cstdint>

#include "data/batch.h"
#include "runtime/host_inputs.h"

namespace weft::train {

// Which micro-batch of the run, all numbers from 0.
struct MicroBatchPlace {
  uint64_t seed = 0;
  int64_t step = 0;
  int64_t micro_batch = 0;
  int64_t micro_batches = 1;  // of a step
};

// Tokens, labels and positions; and the key of dropout's random numbers: seed, step, and the number
// of the micro-batch's first sample in the run.
void feed(const runtime::HostInputs& inputs, const data::Batch& batch,
          const MicroBatchPlace& place);

}  // namespace weft::train
