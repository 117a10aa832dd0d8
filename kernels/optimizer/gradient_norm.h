// The L2 norm of a block of gradients, and what clipping makes of it: one pass over memory. Squares
// are summed in float per short run, runs in double in an order fixed by the size.
#pragma once

#include <cstdint>

#include "weft/parallel_for.h"

namespace weft::kernels {

struct GradientNorm {
  const float* gradients_N = nullptr;
  const float* veto = nullptr;  // may be null; anything but 0 forbids the update
  float* norm = nullptr;        // sqrt(sum of squares)
  float* clip = nullptr;        // min(1, max_norm / (norm + 1e-6)); 1 without clipping
  float* apply = nullptr;       // 1, or 0 if the norm is not finite or there is a veto
  double* workspace = nullptr;  // gradient_norm_workspace(N) bytes
  int64_t N = 0;
  double max_norm = 0;  // 0: no clipping
};

int64_t gradient_norm_workspace(int64_t N);
void gradient_norm(const GradientNorm& args, const ParallelFor& parallel);

}  // namespace weft::kernels
