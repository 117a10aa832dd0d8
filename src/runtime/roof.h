// What this machine can do at best, measured by programs of our own operators: the roof that shares
// of are shown while training, in profiles and by `weft bench`.
#pragma once

#include <optional>
#include <string_view>

#include "runtime/compute_device.h"
#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::runtime {

struct MachineRoof {
  double flops_per_second = 0;  // a large matrix product in `dtype`
  double bytes_per_second = 0;  // a sum of two large vectors: two reads, one write
};

// Each takes about `seconds` and the time to make its operands; the best of several runs counts.
// Matrices grow up to 1024 x 1024 until a product takes a good part of the time, so that slow
// kernels are measured, too. Bandwidth needs 384 MiB.
double measure_flops(DType dtype, const ParallelFor& parallel, double seconds);
double measure_bandwidth(const ParallelFor& parallel, double seconds);
MachineRoof measure_roof(DType dtype, const ParallelFor& parallel, double seconds = 0.2);

// The same of a device: operands grow until a run takes a good part of the time, up to 4096 x 4096
// matrices and vectors of 2^27 elements. Throws Error where the device has no memory for them.
double measure_flops(DType dtype, ComputeDevice& device, double seconds);
MachineRoof measure_roof(DType dtype, ComputeDevice& device, double seconds = 0.2);

// What a GPU's maker says of it, by the name that its driver gives; of a GPU that is not listed,
// and of the emulated device, nothing. Products in fp32 are on ordinary cores.
std::optional<MachineRoof> data_sheet_roof(std::string_view device, DType dtype);

}  // namespace weft::runtime
