// Writing to the key and value caches on the CPU: one tile copies one head of one sequence, so that
// tokens of a sequence are written in order whatever the threads.
#include "kernels/cache/cache_write.h"

#include <algorithm>
#include <cstring>

#include "weft/error.h"

namespace weft::kernels {

void cache_write(const CacheWrite& a, const ParallelFor& parallel) {
  WEFT_ASSERT(std::all_of(a.slots_BT, a.slots_BT + a.B * a.T,
                          [&](int32_t slot) { return int64_t{slot} < a.S; }));
  const int64_t width = (a.H + 2 * a.K) * a.D, head = a.D * a.element_bytes;
  const auto* qkv = static_cast<const std::byte*>(a.qkv_BTW);
  auto* keys = static_cast<std::byte*>(a.keys_BSKD);
  auto* values = static_cast<std::byte*>(a.values_BSKD);
  parallel(a.B * a.K, [&](int64_t tile, int) {
    const int64_t b = tile / a.K, k = tile % a.K;
    for (int64_t t = 0; t < a.T; ++t) {
      const int64_t slot = a.slots_BT[b * a.T + t];
      if (slot < 0) continue;
      const std::byte* row = qkv + (b * a.T + t) * width * a.element_bytes;
      const int64_t to = ((b * a.S + slot) * a.K + k) * head;
      std::memcpy(keys + to, row + (a.H + k) * head, static_cast<size_t>(head));
      std::memcpy(values + to, row + (a.H + a.K + k) * head, static_cast<size_t>(head));
    }
  });
}

}  // namespace weft::kernels
