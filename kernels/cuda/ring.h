// Tiles that come through shared memory in a ring of stages, step by step: copies run ahead of the
// arithmetic, one barrier a step. Step s uses stage s % kStages.
//
//   begin_ring<kStages>(steps, copy_step);
//   for (int64_t s = 0; s < steps; ++s) {
//     advance_ring<kStages>(s, steps, copy_step);
//     ... read stage s % kStages ...
//   }
// copy_step(s) starts the copies of step s; every thread of the block calls all of this alike.
#pragma once

#include "kernels/cuda/async_copies.h"
#include "kernels/cuda/barrier.h"

namespace weft::cuda {

template <int kStages, class CopyStep>
WEFT_DEVICE void begin_ring(int64_t steps, CopyStep copy_step) {
  for (int64_t step = 0; step < kStages - 1; ++step) {
    if (step < steps) copy_step(step);
    commit_copies();
  }
}

// Step's tiles are there for every thread when this returns. One stage serves where shared memory
// has no room for two: then nothing overlaps.
template <int kStages, class CopyStep>
WEFT_DEVICE void advance_ring(int64_t step, int64_t steps, CopyStep copy_step) {
  if constexpr (kStages == 1) {
    block_barrier();  // the step before has been read by all
    copy_step(step);
    commit_copies();
    wait_for_copies<0>();
    block_barrier();
  } else {
    wait_for_copies<kStages - 2>();
    block_barrier();  // this step's tiles are there, and the step before has been read by all
    const int64_t ahead = step + kStages - 1;
    if (ahead < steps) copy_step(ahead);
    commit_copies();  // an empty group too: waiting counts groups
  }
}

}  // namespace weft::cuda
