// Puts the keys and values of new tokens into the caches that generation reads. A copy: elements
// are of any type.
#pragma once

#include <cstdint>

#include "weft/parallel_for.h"

namespace weft::kernels {

struct CacheWrite {
  const void* qkv_BTW = nullptr;      // W = (H + 2 K) D: queries, keys, values
  const int32_t* slots_BT = nullptr;  // where in [0, S) a token goes; negative: nowhere
  void* keys_BSKD = nullptr;
  void* values_BSKD = nullptr;
  int64_t B = 0, T = 0, S = 0, H = 0, K = 0, D = 0;
  int64_t element_bytes = 4;
};

// Of two tokens of a sequence with the same slot the later one stays. A slot of S or above is a
// broken invariant.
void cache_write(const CacheWrite& args, const ParallelFor& parallel);

}  // namespace weft::kernels
