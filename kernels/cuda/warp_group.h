// Warp groups, the 128 threads that execute wgmma together, and the roles they take (sm_90).
#pragma once

#include "kernels/cuda/base.h"
#include "kernels/cuda/warp.h"

#if !defined(__CUDACC__)
#include "kernels/emulator/warp_groups.h"
#endif

namespace weft::cuda {

inline constexpr unsigned kWarpGroup = 4 * kWarp;

// The same for all lanes, and known to be.
WEFT_DEVICE unsigned warp_group_index() {
#if defined(__CUDACC__)
  return __shfl_sync(kAllLanes, threadIdx.x / kWarpGroup, 0);
#else
  return thread_index() / kWarpGroup;
#endif
}
WEFT_DEVICE unsigned thread_of_group() {
  return thread_index() % kWarpGroup;
}

// True for one lane of the warp, all of which call this: elect.sync (PTX ISA, "elect.sync").
WEFT_DEVICE bool elect_lane([[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  uint32_t elected = 0;
  asm volatile(
      "{ .reg .pred p;\n"
      "elect.sync _|p, 0xffffffff;\n"
      "selp.u32 %0, 1, 0, p; }"
      : "=r"(elected));
  return elected != 0;
#else
  return emulator::shuffle(lane_index(), 0, site) == lane_index();
#endif
}

// The registers that a thread of this warp group may have from now on: fewer than it began with are
// given back, more are waited for. By the whole warp group (setmaxnreg; PTX ISA, "setmaxnreg").
template <unsigned kRegisters>
WEFT_DEVICE void give_registers_back([[maybe_unused]] Site site = Site()) {
  static_assert(kRegisters >= 24 && kRegisters <= 256 && kRegisters % 8 == 0);
#if defined(__CUDACC__)
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
#else
  emulator::set_registers(kRegisters, site);
#endif
}
template <unsigned kRegisters>
WEFT_DEVICE void take_registers([[maybe_unused]] Site site = Site()) {
  static_assert(kRegisters >= 24 && kRegisters <= 256 && kRegisters % 8 == 0);
#if defined(__CUDACC__)
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
#else
  emulator::set_registers(kRegisters, site);
#endif
}

}  // namespace weft::cuda
