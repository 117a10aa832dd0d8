// Matrix products of bfloat16 for Hopper. gemm_bf16 (gemm_cuda.h) calls it where the device is one
// and the product fits; for tests, and for whoever compares kernels.
#pragma once

#include "kernels/gemm/gemm_cuda.h"

namespace weft::kernels {

// What the copy engine can be told of: a and b at multiples of 16 bytes, as their rows; and enough
// of either for a tile to be worth it.
bool gemm_sm90_fits(const GemmSpec& spec, const GemmArgs& args);
// Needs a device of compute capability 9.0, and a product that fits.
void gemm_sm90(cuda::Stream stream, const GemmSpec& spec, const GemmArgs& args);

}  // namespace weft::kernels
