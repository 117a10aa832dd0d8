// What this machine can do at best, measured by programs of our own operators: the roof that shares
// of are shown while training, in profiles and by `weft bench`.
#pragma once

#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::runtime {

struct MachineRoof {
  double flops_per_second = 0;  // a large matrix product in `dtype`
  double bytes_per_second = 0;  // a sum of two large vectors: two reads, one write
};

// Takes about `seconds` for each of the two; the best of several runs counts.
MachineRoof measure_roof(DType dtype, const ParallelFor& parallel, double seconds = 0.2);

}  // namespace weft::runtime
