// Sums and products element by element on a GPU: what elementwise.h says of the CPU's functions
// holds for these, bit for bit. Pointers are the device's, scalars too; nothing waits.
#pragma once

#include "kernels/cuda/launch.h"
#include "kernels/elementwise/elementwise.h"

namespace weft::kernels {

void add(cuda::Stream stream, const Binary<float>& args);
void add(cuda::Stream stream, const Binary<BFloat16>& args);
void multiply(cuda::Stream stream, const Binary<float>& args);
void multiply(cuda::Stream stream, const Binary<BFloat16>& args);
void scale(cuda::Stream stream, const Scale<float>& args);
void scale(cuda::Stream stream, const Scale<BFloat16>& args);
void accumulate(cuda::Stream stream, const Accumulate<float>& args);
void accumulate(cuda::Stream stream, const Accumulate<BFloat16>& args);

}  // namespace weft::kernels
