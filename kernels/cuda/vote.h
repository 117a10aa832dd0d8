// What the lanes of a warp decide together.
#pragma once

#include "kernels/cuda/base.h"

#if !defined(__CUDACC__)
#include <bit>

#include "kernels/emulator/shuffle.h"
#endif

namespace weft::cuda {

// Bit l of the result: what lane l said. By all lanes of the warp; orders no memory
// (vote.sync.ballot; PTX ISA, "vote.sync").
WEFT_DEVICE uint32_t ballot(bool mine, [[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  return __ballot_sync(kAllLanes, mine);
#else
  return emulator::ballot(mine, site);
#endif
}

WEFT_DEVICE int count_bits(uint32_t bits) {
#if defined(__CUDACC__)
  return __popc(bits);
#else
  return std::popcount(bits);
#endif
}

// Of the lanes below the caller's.
WEFT_DEVICE uint32_t lanes_below() {
  return (1u << lane_index()) - 1u;
}

}  // namespace weft::cuda
