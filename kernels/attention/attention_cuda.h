// Attention on a GPU, forward and backward, bfloat16 on tensor cores (attention.cu,
// attention_backward.cu): attention.h says what is computed; here too every sum has one order, so
// that gradients have the same bits in every run. Head widths up to 256.
#pragma once

#include "kernels/attention/attention.h"
#include "kernels/cuda/launch.h"

namespace weft::kernels {

inline constexpr int64_t kMostHeadWidthCuda = 256;

// Rows may begin anywhere; copies are fastest where they, and heads within them, begin at multiples
// of 16 bytes. Throws weft::Error for wider heads.
void attention_forward(cuda::Stream stream, const AttentionForward<BFloat16>& args);

size_t attention_backward_workspace_cuda(const AttentionShape& shape);
void attention_backward(cuda::Stream stream, const AttentionBackward<BFloat16>& args,
                        void* workspace);

}  // namespace weft::kernels
