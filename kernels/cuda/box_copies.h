// Copies of boxes by the bulk copy engine of sm_90 (TMA): one thread names a tensor map, the box's
// first element and a tile of shared memory, and goes on. PTX ISA, "Data Movement and Conversion
// Instructions: cp.async.bulk.tensor".
#pragma once

#include "kernels/cuda/base.h"
#include "kernels/cuda/mbarrier.h"
#include "kernels/cuda/tensor_map.h"

#if !defined(__CUDACC__)
#include "kernels/emulator/box_copies.h"
#endif

namespace weft::cuda {

// The first element of a box, in the order of the map's dimensions. May lie outside the tensor.
struct BoxPlace {
  int x = 0, y = 0, z = 0, w = 0;
};

#if !defined(__CUDACC__)
inline emulator::BoxCopy describe_copy(const TensorMap& map, BoxPlace at, const void* tile,
                                       Site site) {
  return emulator::box_copy(map, {at.x, at.y, at.z, at.w}, tile, site);
}
#endif

// Global to shared; `m` is told of each byte, those outside the tensor included. `tile` is a
// multiple of 128 bytes, and of 8 rows where the map permutes chunks.
template <int kRank>
WEFT_DEVICE void load_box(void* tile, const TensorMap& map, BoxPlace at, Mbarrier& m,
                          [[maybe_unused]] Site site = Site()) {
  static_assert(kRank == 2 || kRank == 4, "the ranks that kernels use");
#if defined(__CUDACC__)
  if constexpr (kRank == 2) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes "
        "[%0], [%1, {%2, %3}], [%4];" ::"r"(shared_address(tile)),
        "l"(&map), "r"(at.x), "r"(at.y), "r"(shared_address(&m))
        : "memory");
  } else {
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes "
        "[%0], [%1, {%2, %3, %4, %5}], [%6];" ::"r"(shared_address(tile)),
        "l"(&map), "r"(at.x), "r"(at.y), "r"(at.z), "r"(at.w), "r"(shared_address(&m))
        : "memory");
  }
#else
  emulator::load_box(describe_copy(map, at, tile, site), &m);
#endif
}

// Shared to global, what lies outside the tensor left out. The tile's writers have executed
// fence_async_proxy() and met at a barrier.
template <int kRank>
WEFT_DEVICE void store_box(const TensorMap& map, BoxPlace at, const void* tile,
                           [[maybe_unused]] Site site = Site()) {
  static_assert(kRank == 2 || kRank == 4, "the ranks that kernels use");
#if defined(__CUDACC__)
  if constexpr (kRank == 2) {
    asm volatile(
        "cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%1, %2}], [%3];" ::"l"(&map),
        "r"(at.x), "r"(at.y), "r"(shared_address(tile))
        : "memory");
  } else {
    asm volatile(
        "cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%1, %2, %3, %4}], [%5];" ::"l"(
            &map),
        "r"(at.x), "r"(at.y), "r"(at.z), "r"(at.w), "r"(shared_address(tile))
        : "memory");
  }
#else
  emulator::store_box(describe_copy(map, at, tile, site));
#endif
}

// The thread's stores since the last call become a group.
WEFT_DEVICE void commit_boxes() {
#if defined(__CUDACC__)
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
#else
  emulator::commit_boxes();
#endif
}

// Until all but kPending of the thread's newest groups have read their tiles, which then may be
// written again. A thread waits so before its block ends.
template <int kPending>
WEFT_DEVICE void wait_for_boxes_read([[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(kPending) : "memory");
#else
  emulator::wait_for_boxes(kPending, false, site);
#endif
}

// Until they have written, too, for the thread to see.
template <int kPending>
WEFT_DEVICE void wait_for_boxes([[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  asm volatile("cp.async.bulk.wait_group %0;" ::"n"(kPending) : "memory");
#else
  emulator::wait_for_boxes(kPending, true, site);
#endif
}

// The map will be used soon.
WEFT_DEVICE void prefetch([[maybe_unused]] const TensorMap& map) {
#if defined(__CUDACC__)
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
#endif
}

}  // namespace weft::cuda
