// Copies of 16 bytes from global to shared memory that pass by the registers (cp.async, sm_80). A
// thread's copies form groups; it waits for its own groups only, so what other threads copied is
// there after wait_for_copies and then a block barrier. PTX ISA, "Data Movement and Conversion
// Instructions: Asynchronous copy".
#pragma once

#include "kernels/cuda/base.h"
#include "kernels/cuda/memory.h"

#if !defined(__CUDACC__)
#include "kernels/emulator/async_copies.h"
#endif

namespace weft::cuda {

// Copies the first `bytes` (0 to 16) of 16, and zeros for the rest. `to` and `from` are multiples
// of 16 bytes; with 0 bytes `from` is not read.
template <class T>
WEFT_DEVICE void copy_async(T* to, const T* from, int bytes = kVectorBytes,
                            [[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  const auto at = static_cast<uint32_t>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(bytes)
               : "memory");
#else
  emulator::copy_async(to, from, static_cast<size_t>(bytes), site);
#endif
}

// The copies since the last call become a group.
WEFT_DEVICE void commit_copies() {
#if defined(__CUDACC__)
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  emulator::commit_copies();
#endif
}

// Until at most kPending of the thread's newest groups are under way.
template <int kPending>
WEFT_DEVICE void wait_for_copies([[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#else
  for (const emulator::Copy& copy : emulator::take_copies(kPending)) copy.land(site);
#endif
}

}  // namespace weft::cuda
