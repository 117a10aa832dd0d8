// Rotary position embedding (RoPE; Su et al., "RoFormer", 2021) of the query and key heads of
// packed rows [H*D | K*D | K*D], in Hugging Face's layout: element i of a head turns with i + R/2.
//
//   y[i]       = x[i] cos - x[i + R/2] sin
//   y[i + R/2] = x[i + R/2] cos + x[i] sin          for i < R/2; the rest of the row is copied
//
// Elements are T (float or BFloat16), angles float. Legend: N rows, P positions of the table.
#pragma once

#include <cstdint>

#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::kernels {

template <class T>
struct Rotary {
  const T* x_NW = nullptr;               // W = (H + 2 K) D
  const int32_t* positions_N = nullptr;  // in [0, P), which is asserted
  const float* table_P2R = nullptr;      // [P, 2, R/2]: cosines, then sines
  T* y_NW = nullptr;                     // may be x_NW
  int64_t N = 0, H = 0, K = 0, D = 0, R = 0, P = 0;
  bool inverse = false;  // turns back: the gradient
};

void rotary(const Rotary<float>& args, const ParallelFor& parallel);
void rotary(const Rotary<BFloat16>& args, const ParallelFor& parallel);

}  // namespace weft::kernels
