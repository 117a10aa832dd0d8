// Conversion between f32 and bf16 on a GPU: the bits of cast.h's function. Nothing waits.
#pragma once

#include "kernels/cast/cast.h"
#include "kernels/cuda/launch.h"

namespace weft::kernels {

// `from` and `to` are kF32 or kBF16; other types are a broken invariant.
void cast(cuda::Stream stream, const Cast& args);

}  // namespace weft::kernels
