// Activation functions on a GPU: what activation.h says of the CPU's functions holds for these.
// Launched on a stream; nothing waits.
#pragma once

#include "kernels/activation/activation.h"
#include "kernels/cuda/launch.h"

namespace weft::kernels {

void activation_forward(cuda::Stream stream, const ActivationForward<float>& args);
void activation_forward(cuda::Stream stream, const ActivationForward<BFloat16>& args);
void activation_backward(cuda::Stream stream, const ActivationBackward<float>& args);
void activation_backward(cuda::Stream stream, const ActivationBackward<BFloat16>& args);
void gated_forward(cuda::Stream stream, const GatedForward<float>& args);
void gated_forward(cuda::Stream stream, const GatedForward<BFloat16>& args);
void gated_backward(cuda::Stream stream, const GatedBackward<float>& args);
void gated_backward(cuda::Stream stream, const GatedBackward<BFloat16>& args);

}  // namespace weft::kernels
