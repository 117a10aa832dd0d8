// mma.sync and ldmatrix on the host, as collectives of a warp. Sums are in float, in the order of
// k; products of bfloat16 are exact.
#pragma once

#include "kernels/emulator/thread.h"
#include "weft/dtype.h"

namespace weft::emulator {

// c += a b of fragments as kernels/cuda/mma.h lays them out.
void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Site site);

// The second half of ldmatrix.x4: every lane shows the row it read, and takes its part of all four
// matrices.
void exchange_matrices(const BFloat16 (&row)[8], uint32_t (&out)[4], bool transposed, Site site);

}  // namespace weft::emulator
