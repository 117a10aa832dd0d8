// Rotary position embedding on a GPU: what rotary.h says of the CPU's function holds for this one.
// Launched on a stream; nothing waits.
#pragma once

#include "kernels/cuda/launch.h"
#include "kernels/rotary/rotary.h"

namespace weft::kernels {

// A position outside of the table turns its row's heads into NaN.
void rotary(cuda::Stream stream, const Rotary<float>& args);
void rotary(cuda::Stream stream, const Rotary<BFloat16>& args);

}  // namespace weft::kernels
