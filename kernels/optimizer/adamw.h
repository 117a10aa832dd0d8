// AdamW on a contiguous block (Loshchilov, Hutter, "Decoupled weight decay regularization", 2019),
// in one pass over memory, with clipping and the parameters' bf16 copy.
//
//   g  = gradient * clip
//   m  = beta1 m + (1 - beta1) g         v = beta2 v + (1 - beta2) g^2
//   p  = p (1 - rate decay) - rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
//
// fp32 throughout; factors that depend on the step are computed in double.
#pragma once

#include <cstdint>

#include "kernels/optimizer/update_scalars.h"
#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::kernels {

struct AdamW {
  float* parameters_N = nullptr;
  const float* gradients_N = nullptr;
  float* moment1_N = nullptr;
  float* moment2_N = nullptr;
  BFloat16* copy_N = nullptr;  // optional: the new parameters, rounded
  UpdateScalars scalars;
  int64_t N = 0;
  int64_t decayed = 0;  // elements [0, decayed) decay
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.1;
};

void adamw(const AdamW& args, const ParallelFor& parallel);

}  // namespace weft::kernels
