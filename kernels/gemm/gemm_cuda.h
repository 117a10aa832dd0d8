// Matrix products with fused epilogues on a GPU: gemm.h says what a product is; the result is the
// same but for the order of sums, which the shape alone fixes.
#pragma once

#include "kernels/cuda/launch.h"
#include "kernels/gemm/gemm.h"

namespace weft::kernels {

// bfloat16 on tensor cores (gemm.cu), float on ordinary ones (gemm_f32.cu). No workspace. Vectors
// where rows of `a` and `b` begin at multiples of 16 bytes; slower elsewhere. Throws weft::Error
// for other types.
void gemm(cuda::Stream stream, const GemmSpec& spec, const GemmArgs& args);

// The same as one struct.
struct GemmLaunch {
  GemmSpec spec;
  GemmArgs args;
};
void gemm(cuda::Stream stream, const GemmLaunch& call);

// Of one element type; gemm() chooses.
void gemm_bf16(cuda::Stream stream, const GemmSpec& spec, const GemmArgs& args);
void gemm_f32(cuda::Stream stream, const GemmSpec& spec, const GemmArgs& args);

}  // namespace weft::kernels
