// Rows of a table by their numbers, and the table's gradient, on a GPU: what embedding.h says of
// the CPU's functions holds for these, the order of sums included. Nothing waits.
#pragma once

#include "kernels/cuda/launch.h"
#include "kernels/embedding/embedding.h"

namespace weft::kernels {

// An id outside of [0, V) gives a row of NaN.
void embedding_forward(cuda::Stream stream, const EmbeddingForward<float>& args);
void embedding_forward(cuda::Stream stream, const EmbeddingForward<BFloat16>& args);
// An id outside of [0, V) is left out.
void embedding_backward(cuda::Stream stream, const EmbeddingBackward<float>& args);
void embedding_backward(cuda::Stream stream, const EmbeddingBackward<BFloat16>& args);

}  // namespace weft::kernels
