// Standard normal numbers for initial weights: those of normal_from (weft/philox.h), bit for bit,
// on every instruction set.
#pragma once

#include <cstdint>

#include "weft/parallel_for.h"

namespace weft::kernels {

// Element 4 c + i is `deviation` times number i of the Philox block of counter c under `key`:
// words 0 and 1 give numbers 0 and 1, words 2 and 3 the others.
struct FillNormal {
  float* values_N = nullptr;
  int64_t N = 0;
  uint64_t key = 0;
  double deviation = 1.0;
};

void fill_normal(const FillNormal& args, const ParallelFor& parallel);

}  // namespace weft::kernels
