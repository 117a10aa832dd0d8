// Cross-entropy of rows of logits on a GPU: what cross_entropy.h says of the CPU's function holds
// for this one, but that exponentials of a whole row are summed in float. Nothing waits.
#pragma once

#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/cuda/launch.h"

namespace weft::kernels {

// loss_N is needed where `loss` is wanted: CrossEntropyLoss adds it up.
void cross_entropy_rows(cuda::Stream stream, const CrossEntropyRows<float>& args);
void cross_entropy_rows(cuda::Stream stream, const CrossEntropyRows<BFloat16>& args);

struct CrossEntropyLoss {
  const double* loss_N = nullptr;
  float* loss = nullptr;  // the sum over rows, in an order that N fixes
  int64_t N = 0;
};
void sum_of_losses(cuda::Stream stream, const CrossEntropyLoss& args);

}  // namespace weft::kernels
