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

// Each takes about `seconds` and the time to make its operands; the best of several runs counts.
// Bandwidth needs 384 MiB.
double measure_flops(DType dtype, const ParallelFor& parallel, double seconds);
double measure_bandwidth(const ParallelFor& parallel, double seconds);
MachineRoof measure_roof(DType dtype, const ParallelFor& parallel, double seconds = 0.2);

}  // namespace weft::runtime
