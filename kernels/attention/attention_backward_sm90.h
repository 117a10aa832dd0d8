// The backward pass of attention for Hopper. attention_backward (attention_cuda.h) calls it where
// the device is one and the call fits.
#pragma once

#include "kernels/attention/attention_backward_device.h"

namespace weft::kernels {

// What the copy engine can be told of, as attention_sm90_fits.
bool attention_backward_sm90_fits(const AttentionBackwardOnDevice<BFloat16>& call);
// Needs a device of compute capability 9.0, and a call that fits.
void attention_backward_sm90(cuda::Stream stream, const attention_cuda::Backward& w);

}  // namespace weft::kernels
