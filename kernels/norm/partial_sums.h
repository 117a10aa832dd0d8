// The second half of a sum over rows on a GPU: blocks have left partial sums of two gradients side
// by side, [tiles, 2, C]; here one of them is added up, in the order of tiles.
#pragma once

#include <cstdint>

#include "kernels/cuda/launch.h"

namespace weft::kernels {

// out[c] = sum over tiles of partial[tile][0][c], added to out[c] where *accumulate is given and
// not 0. For the second gradient, `partial` begins C further on. Nothing happens where out is null.
struct PartialSums {
  const float* partial_R2C = nullptr;
  float* out_C = nullptr;
  const float* accumulate = nullptr;
  int64_t tiles = 0, C = 0;
};
void add_partial_sums(cuda::Stream stream, const PartialSums& args);

}  // namespace weft::kernels
