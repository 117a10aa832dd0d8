// Rows of a table by their numbers, and the gradient of the table. Elements are T (float or
// BFloat16), the table's gradient float. Legend: N ids, V rows of the table, C width.
#pragma once

#include <cstdint>

#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::kernels {

// y_NC[n] = table_VC[ids_N[n]]; ids in [0, V), which is asserted.
template <class T>
struct EmbeddingForward {
  const int32_t* ids_N = nullptr;
  const T* table_VC = nullptr;
  T* y_NC = nullptr;
  int64_t N = 0, V = 0, C = 0;
};

void embedding_forward(const EmbeddingForward<float>& args, const ParallelFor& parallel);
void embedding_forward(const EmbeddingForward<BFloat16>& args, const ParallelFor& parallel);

// dtable_VC[v] = sum of dy_NC[n] over the n with ids_N[n] = v, in the order of n. Threads share the
// columns, so that the order of additions never changes.
template <class T>
struct EmbeddingBackward {
  const int32_t* ids_N = nullptr;
  const T* dy_NC = nullptr;
  float* dtable_VC = nullptr;
  const float* accumulate = nullptr;  // where given and not 0, dtable is added to
  int64_t N = 0, V = 0, C = 0;
};

void embedding_backward(const EmbeddingBackward<float>& args, const ParallelFor& parallel);
void embedding_backward(const EmbeddingBackward<BFloat16>& args, const ParallelFor& parallel);

}  // namespace weft::kernels
