// The sum over a block in double precision, for norms and losses: few sums, whose order must not
// depend on the number of warps. Sums of floats, many and fast, are warp.h's.
#pragma once

#include "kernels/cuda/barrier.h"
#include "kernels/cuda/memory.h"

namespace weft::cuda {

// The sum over all threads (a power of two), in pairs; the first thread has it, others 0. Takes a
// double a thread of the launch's dynamic shared memory; between two sums there must be a barrier.
WEFT_DEVICE double sum_of_block(double value) {
  double* sums = shared_array<double>(0);
  store(sums + thread_index(), value);
  for (unsigned half = thread_count() / 2; half > 0; half /= 2) {
    block_barrier();
    if (thread_index() >= half) continue;
    store(sums + thread_index(), load(sums + thread_index()) + load(sums + thread_index() + half));
  }
  return thread_index() == 0 ? load(sums) : 0.0;
}

}  // namespace weft::cuda
