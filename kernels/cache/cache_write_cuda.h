// Keys and values into generation's caches on a GPU: what cache_write.h says of the CPU's function
// holds for this one. Nothing waits.
#pragma once

#include "kernels/cache/cache_write.h"
#include "kernels/cuda/launch.h"

namespace weft::kernels {

// A slot of S or above is left out. Elements have 2 or 4 bytes.
void cache_write(cuda::Stream stream, const CacheWrite& args);

}  // namespace weft::kernels
