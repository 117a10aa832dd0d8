// The backward pass of attention for Hopper and heads of 129 to 256.
// attention_backward_sm90 calls it.
#pragma once

#include "kernels/attention/attention_backward_device.h"

namespace weft::kernels {

// Needs a device of compute capability 9.0, and a call that attention_backward_sm90_fits.
void attention_backward_wide_sm90(cuda::Stream stream, const attention_cuda::Backward& w);

}  // namespace weft::kernels
