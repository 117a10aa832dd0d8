// The forward pass of attention for Hopper. attention_forward (attention_cuda.h) calls it where the
// device is one and the call fits; for tests, and for whoever compares kernels.
#pragma once

#include "kernels/attention/attention_cuda.h"

namespace weft::kernels {

// What the copy engine can be told of: heads of at most 256, that begin at multiples of 16 bytes,
// as do their tokens and samples; and a scale above 0.
bool attention_sm90_fits(const AttentionForwardOnDevice<BFloat16>& call);
// Needs a device of compute capability 9.0, and a call that fits.
void attention_forward_sm90(cuda::Stream stream, const AttentionForwardOnDevice<BFloat16>& call);

}  // namespace weft::kernels
