// Barriers between the threads of a block; each also orders their memory. Every thread of the block
// reaches a block barrier: no thread returns before.
#pragma once

#include "kernels/cuda/base.h"

namespace weft::cuda {

// __syncthreads (PTX ISA 9.7.13.1, barrier).
WEFT_DEVICE void block_barrier([[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  __syncthreads();
#else
  emulator::block_barrier(0, thread_count(), site);
#endif
}

// Barrier `id` (1 to 15; 0 is the block's) of so many threads, whole warps: arrives and waits.
WEFT_DEVICE void named_barrier(unsigned id, unsigned threads, [[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
  emulator::block_barrier(id, threads, site);
#endif
}

// Arrives at it, and does not wait.
WEFT_DEVICE void named_barrier_arrive(unsigned id, unsigned threads,
                                      [[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
  emulator::block_arrive(id, threads, site);
#endif
}

// __syncwarp: of the lanes in the mask.
WEFT_DEVICE void warp_barrier(uint32_t mask = kAllLanes, [[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  __syncwarp(mask);
#else
  emulator::warp_barrier(mask, site);
#endif
}

}  // namespace weft::cuda
