// Lion on a contiguous block, in one pass over memory (Chen et al., "Symbolic discovery of
// optimization algorithms", 2023), with decoupled weight decay.
//
//   g = gradient * clip
//   p = p (1 - rate decay) - rate sign(beta1 m + (1 - beta1) g)
//   m = beta2 m + (1 - beta2) g
#pragma once

#include <cstdint>

#include "kernels/optimizer/update_scalars.h"
#include "weft/dtype.h"

namespace weft::kernels {

struct Lion {
  float* parameters_N = nullptr;
  const float* gradients_N = nullptr;
  float* moment_N = nullptr;
  BFloat16* copy_N = nullptr;  // optional: the new parameters, rounded
  UpdateScalars scalars = {};
  int64_t N = 0;
  int64_t decayed = 0;  // elements [0, decayed) decay
  double beta1 = 0.9, beta2 = 0.99, weight_decay = 0.0;
};

void lion(const Lion& args, const ParallelFor& parallel);

}  // namespace weft::kernels
