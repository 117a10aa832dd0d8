// Puts a device library's kernels into use.
#pragma once

#include "core/cuda/library.h"

namespace weft::ops {

// Kernels of graph::cuda_kernels() are those of `library` from now on, for the whole process.
// Throws Error if the library is of another build.
void use_device_kernels(const device::Library& library);

}  // namespace weft::ops
