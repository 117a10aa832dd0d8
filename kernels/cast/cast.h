// Conversion between the floating-point types of tensors: f32, bf16 and f16, rounded to nearest,
// ties to even. NaN stays NaN; what is too large becomes infinity.
#pragma once

#include <cstdint>

#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::kernels {

struct Cast {
  const void* x = nullptr;
  DType from = DType::kF32;
  void* y = nullptr;  // must not overlap x
  DType to = DType::kF32;
  int64_t n = 0;
};

// `from` and `to` are kF32, kBF16 or kF16; other types are a broken invariant.
void cast(const Cast& args, const ParallelFor& parallel);

}  // namespace weft::kernels
