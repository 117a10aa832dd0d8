// Rotary position embedding on the CPU; rotary.h has the formula.
#include "kernels/rotary/rotary.h"

#include <algorithm>

#include "kernels/simd/launch.h"
#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"
#include "weft/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rotary/rotary_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// Turns one head; `sign` is -1 to turn back.
template <class T>
HWY_INLINE void turn_head(const T* x, const float* cosines, int64_t half, float sign, T* y) {
  const float* sines = cosines + half;
  for_lanes(half, [&](int64_t i, auto e) WEFT_LANES {
    const V a = load(x + i, e), b = load(x + half + i, e);
    const V cos = load(cosines + i, e), sin = hn::Mul(all(sign), load(sines + i, e));
    store(hn::Sub(hn::Mul(a, cos), hn::Mul(b, sin)), y + i, e);
    store(hn::Add(hn::Mul(b, cos), hn::Mul(a, sin)), y + half + i, e);
  });
}

template <class T>
void rotary(const Rotary<T>& a, const ParallelFor& parallel) {
  const int64_t width = (a.H + 2 * a.K) * a.D, half = a.R / 2;
  const Tiles tiles = row_tiles(a.N, width);
  parallel(tiles.count(), [&](int64_t tile, int) HWY_ATTR {
    for (int64_t n = tiles.begin(tile); n < tiles.end(tile); ++n) {
      const int64_t position = a.positions_N[n];
      WEFT_ASSERT(position >= 0 && position < a.P);
      const float* cosines = a.table_P2R + position * a.R;
      const T* x = a.x_NW + n * width;
      T* y = a.y_NW + n * width;
      for (int64_t head = 0; head < a.H + a.K; ++head) {
        turn_head(x + head * a.D, cosines, half, a.inverse ? -1.0f : 1.0f, y + head * a.D);
        if (x != y) std::copy(x + head * a.D + a.R, x + (head + 1) * a.D, y + head * a.D + a.R);
      }
      if (x != y) std::copy(x + (a.H + a.K) * a.D, x + width, y + (a.H + a.K) * a.D);
    }
  });
}

WEFT_SIMD_INSTANCES(rotary, Rotary);

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

WEFT_SIMD_LAUNCHERS(rotary, Rotary);

}  // namespace weft::kernels
#endif
