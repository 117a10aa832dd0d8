// Stochastic gradient descent with momentum on a contiguous block, in one pass over memory, as
// torch.optim.SGD does it: weight decay is part of the gradient, the first velocity is the
// gradient.
//
//   g = gradient * clip + decay p      v = momentum v + g
//   p = p - rate (nesterov ? g + momentum v : v)
#pragma once

#include <cstdint>

#include "kernels/optimizer/update_scalars.h"
#include "weft/dtype.h"

namespace weft::kernels {

struct Sgd {
  float* parameters_N = nullptr;
  const float* gradients_N = nullptr;
  float* velocity_N = nullptr;  // optional: without momentum
  BFloat16* copy_N = nullptr;   // optional: the new parameters, rounded
  UpdateScalars scalars = {};
  int64_t N = 0;
  int64_t decayed = 0;  // elements [0, decayed) decay
  double momentum = 0.0, weight_decay = 0.0;
  bool nesterov = false;
};

void sgd(const Sgd& args, const ParallelFor& parallel);

}  // namespace weft::kernels
