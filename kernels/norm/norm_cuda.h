// LayerNorm and RMSNorm on a GPU (norm.cu): what norm.h says of the CPU's functions holds for
// these, but for the order of sums. Launched on a stream; nothing waits.
#pragma once

#include "kernels/cuda/launch.h"
#include "kernels/norm/norm.h"

namespace weft::kernels {

// A row is parked in shared memory: throws weft::Error where C is larger than that holds (at least
// 28,000 elements forward, 14,000 backward).
void layer_norm_forward(cuda::Stream stream, const NormForward<float>& args);
void layer_norm_forward(cuda::Stream stream, const NormForward<BFloat16>& args);
void rms_norm_forward(cuda::Stream stream, const NormForward<float>& args);
void rms_norm_forward(cuda::Stream stream, const NormForward<BFloat16>& args);

// Bytes of NormBackward::workspace; enough for every shape up to N rows.
int64_t norm_backward_workspace_cuda(int64_t N, int64_t C);
void layer_norm_backward(cuda::Stream stream, const NormBackward<float>& args);
void layer_norm_backward(cuda::Stream stream, const NormBackward<BFloat16>& args);
void rms_norm_backward(cuda::Stream stream, const NormBackward<float>& args);
void rms_norm_backward(cuda::Stream stream, const NormBackward<BFloat16>& args);

}  // namespace weft::kernels
