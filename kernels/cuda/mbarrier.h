// Barriers in shared memory that threads arrive at and copies of boxes complete on (mbarrier,
// sm_90). A phase ends when as many have arrived as init said, and all expected bytes have come;
// then the next begins. Who waits names the phase by its parity: 0 for the first, then 1, 0, ...
// A wait for the phase before the one under way returns at once. PTX ISA, "Parallel Synchronization
// and Communication Instructions: mbarrier".
#pragma once

#include "kernels/cuda/base.h"

#if !defined(__CUDACC__)
#include "kernels/emulator/mbarriers.h"
#endif

namespace weft::cuda {

struct alignas(8) Mbarrier {
  uint64_t opaque;
};

#if defined(__CUDACC__)
// The address as instructions on shared memory take it.
template <class T>
__device__ __forceinline__ uint32_t shared_address(const T* p) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}
#endif

// By one thread; the others use it after fence_mbarriers() of that thread and a block barrier.
WEFT_DEVICE void init(Mbarrier& m, unsigned arrivals, [[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(&m)), "r"(arrivals)
               : "memory");
#else
  emulator::mbarrier_init(&m, arrivals, site);
#endif
}

// What the thread has initialised, copies see from now on (fence.mbarrier_init).
WEFT_DEVICE void fence_mbarriers() {
#if defined(__CUDACC__)
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#else
  emulator::mbarrier_fence_init();
#endif
}

// What the thread did before is seen by those who wait for the phase.
WEFT_DEVICE void arrive(Mbarrier& m, [[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(&m)) : "memory");
#else
  emulator::mbarrier_arrive(&m, 0, site);
#endif
}

// Arrives, and lets the phase end only when so many more bytes have come.
WEFT_DEVICE void arrive_and_expect(Mbarrier& m, size_t bytes, [[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(&m)),
               "r"(static_cast<uint32_t>(bytes))
               : "memory");
#else
  emulator::mbarrier_arrive(&m, static_cast<int64_t>(bytes), site);
#endif
}

WEFT_DEVICE void wait(Mbarrier& m, unsigned parity, [[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  uint32_t done = 0;
  while (done == 0) {  // try_wait sleeps in hardware for a while
    asm volatile(
        "{ .reg .pred p;\n"
        "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p; }"
        : "=r"(done)
        : "r"(shared_address(&m)), "r"(parity)
        : "memory");
  }
#else
  emulator::mbarrier_wait(&m, parity, site);
#endif
}

// What the thread has written to shared memory, tensor cores (wgmma) and copies of boxes see from
// now on; by each thread that writes, before the barrier that lets another one issue them
// (fence.proxy.async). PTX ISA, "Async proxy" and "membar / fence".
WEFT_DEVICE void fence_async_proxy() {
#if defined(__CUDACC__)
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#else
  emulator::fence_proxy();
#endif
}

// Where a ring of kStages stages stands: the stage, and the parity of the phase that fills it. Who
// fills waits for `parity ^ 1`, which returns at once in the first round, and who empties for
// `parity`.
template <int kStages>
struct RingPlace {
  int stage = 0;
  unsigned parity = 0;

  WEFT_DEVICE void advance() {
    if (++stage < kStages) return;
    stage = 0;
    parity ^= 1u;
  }
};

}  // namespace weft::cuda
