// Dropout on the CPU; dropout.h says which random number decides about which element.
#include "kernels/dropout/dropout.h"

#include <algorithm>

#include "kernels/simd/launch.h"
#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dropout/dropout_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/philox-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

constexpr int64_t kBlock = 64, kCounters = 16;
static_assert(kCounters % kLanes == 0, "a vector holds words of one block");

// What the 64 elements of a block are multiplied with: 0 or 1 / (1 - p).
template <class T>
HWY_INLINE void block_factors(const Dropout<T>& d, uint64_t sample, int64_t block, float* factors) {
  const V p = all(d.p), kept = all(1.0f / (1.0f - d.p));
  const auto first = static_cast<uint64_t>(block * kCounters);
  for (int64_t lane = 0; lane < kCounters; lane += kLanes) {
    const PhiloxWords words = philox_lanes(d.key, first + static_cast<uint64_t>(lane), sample);
    const VU32 in_order[4] = {words.w0, words.w1, words.w2, words.w3};
    for (int64_t w = 0; w < 4; ++w) {
      const V factor = hn::IfThenElseZero(hn::Ge(uniform_lanes(in_order[w]), p), kept);
      store(factor, factors + w * kCounters + lane, Full());
    }
  }
}

// Elements [begin, end) of sample b; begin is a multiple of 64.
template <class T>
void dropout_span(const Dropout<T>& d, int64_t b, int64_t begin, int64_t end) {
  float factors[kBlock];
  const T* x = d.x_BE + b * d.E;
  T* y = d.y_BE + b * d.E;
  for (int64_t at = begin; at < end; at += kBlock) {
    block_factors(d, d.first_sample + static_cast<uint64_t>(b), at / kBlock, factors);
    for_lanes(std::min(kBlock, end - at), [&](int64_t i, auto e) WEFT_LANES {
      store(hn::Mul(load(x + at + i, e), load(factors + i, e)), y + at + i, e);
    });
  }
}

template <class T>
void dropout(const Dropout<T>& d, const ParallelFor& parallel) {
  const Tiles spans = element_tiles(d.E);  // of one sample
  static_assert(kTileElements % kBlock == 0);
  const int64_t count = spans.count();
  parallel(d.B * count, [&](int64_t tile, int) {
    dropout_span(d, tile / count, spans.begin(tile % count), spans.end(tile % count));
  });
}

WEFT_SIMD_INSTANCES(dropout, Dropout);

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

WEFT_SIMD_LAUNCHERS(dropout, Dropout);

}  // namespace weft::kernels
#endif  // HWY_ONCE
