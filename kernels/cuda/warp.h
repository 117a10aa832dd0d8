// What the lanes of a warp, and the warps of a block, tell one another: shuffles, and sums and
// maxima whose order the shape alone fixes. A shuffle orders no memory.
#pragma once

#include "kernels/cuda/barrier.h"
#include "kernels/cuda/base.h"
#include "kernels/cuda/memory.h"

#if !defined(__CUDACC__)
#include "kernels/emulator/shuffle.h"
#endif

namespace weft::cuda {

// The value of lane (mine xor `mask`): shfl.sync.bfly of all lanes (PTX ISA 9.7.9.6).
template <class T>
WEFT_DEVICE T shuffle_xor(T value, unsigned mask, [[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  return __shfl_xor_sync(kAllLanes, value, static_cast<int>(mask));
#else
  return emulator::shuffle(value, lane_index() ^ mask, site);
#endif
}

// The value of `lane`.
template <class T>
WEFT_DEVICE T shuffle(T value, unsigned lane, [[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  return __shfl_sync(kAllLanes, value, static_cast<int>(lane));
#else
  return emulator::shuffle(value, lane, site);
#endif
}

struct Add {
  WEFT_DEVICE float operator()(float a, float b) const { return a + b; }
};
struct Max {
  WEFT_DEVICE float operator()(float a, float b) const { return a > b ? a : b; }
};

// Of the `kLanes` lanes around the caller (a power of two); all of them get the result.
template <unsigned kLanes = kWarp, class T, class Op>
WEFT_DEVICE T reduce_lanes(T value, Op op, Site site = Site()) {
  WEFT_UNROLL
  for (unsigned distance = kLanes / 2; distance > 0; distance /= 2) {
    value = op(value, shuffle_xor(value, distance, site));
  }
  return value;
}

// Shared memory of block-wide sums. Two consecutive sums use different halves, so that one barrier
// a sum is enough: whoever writes a half again has passed the barrier of the sum between.
inline constexpr unsigned kMostWarps = 32;
struct BlockSums {
  float partial[2][kMostWarps];
};

// The sum over all threads, which every thread gets; partial sums are added in the order of warps.
// `half` alternates between consecutive calls.
WEFT_DEVICE float block_sum(float value, BlockSums& sums, int half, Site site = Site()) {
  value = reduce_lanes(value, Add{}, site);
  if (warp_count() == 1) return value;
  if (lane_index() == 0) store(&sums.partial[half][warp_index()], value, site);
  block_barrier(site);
  float total = 0.0f;
  for (unsigned w = 0; w < warp_count(); ++w) total += load(&sums.partial[half][w], site);
  return total;
}

}  // namespace weft::cuda
