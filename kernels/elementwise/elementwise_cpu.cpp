// Sums and products element by element on the CPU; elementwise.h has the formulas.
#include "kernels/elementwise/elementwise.h"

#include "kernels/simd/launch.h"
#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/elementwise_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// body(i, extent) for every vector of [0, n), tile by tile.
template <class Body>
HWY_INLINE void for_elements(int64_t n, const ParallelFor& parallel, Body body) {
  const Tiles tiles = element_tiles(n);
  parallel(tiles.count(), [&](int64_t tile, int) HWY_ATTR {
    const int64_t begin = tiles.begin(tile);
    for_lanes(tiles.end(tile) - begin, [&](int64_t i, auto e) WEFT_LANES { body(begin + i, e); });
  });
}

template <class T>
void add(const Binary<T>& x, const ParallelFor& parallel) {
  for_elements(x.n, parallel, [=](int64_t i, auto e) WEFT_LANES {
    store(hn::Add(load(x.a + i, e), load(x.b + i, e)), x.y + i, e);
  });
}

template <class T>
void multiply(const Binary<T>& x, const ParallelFor& parallel) {
  for_elements(x.n, parallel, [=](int64_t i, auto e) WEFT_LANES {
    store(hn::Mul(load(x.a + i, e), load(x.b + i, e)), x.y + i, e);
  });
}

template <class T>
void scale(const Scale<T>& s, const ParallelFor& parallel) {
  const float factor = s.scalar == nullptr ? s.factor : s.factor * *s.scalar;
  for_elements(s.n, parallel, [=](int64_t i, auto e) WEFT_LANES {
    store(hn::Mul(load(s.x + i, e), all(factor)), s.y + i, e);
  });
}

template <class T>
void accumulate(const Accumulate<T>& s, const ParallelFor& parallel) {
  const bool add = s.accumulate != nullptr && *s.accumulate != 0.0f;
  for_elements(s.n, parallel, [=](int64_t i, auto e) WEFT_LANES {
    const V x = load(s.x + i, e);
    store(add ? hn::Add(load(s.sum + i, e), x) : x, s.sum + i, e);
  });
}

template <class T>
void add_row(const AddRow<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = row_tiles(a.N, a.C);
  parallel(tiles.count(), [&](int64_t tile, int) HWY_ATTR {
    for (int64_t n = tiles.begin(tile); n < tiles.end(tile); ++n) {
      const int64_t row = n * a.C;
      for_lanes(a.C, [&](int64_t i, auto e) WEFT_LANES {
        store(hn::Add(load(a.x_NC + row + i, e), load(a.row_C + i, e)), a.y_NC + row + i, e);
      });
    }
  });
}

WEFT_SIMD_INSTANCES(add, Binary);
WEFT_SIMD_INSTANCES(multiply, Binary);
WEFT_SIMD_INSTANCES(scale, Scale);
WEFT_SIMD_INSTANCES(accumulate, Accumulate);
WEFT_SIMD_INSTANCES(add_row, AddRow);

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

WEFT_SIMD_LAUNCHERS(add, Binary);
WEFT_SIMD_LAUNCHERS(multiply, Binary);
WEFT_SIMD_LAUNCHERS(scale, Scale);
WEFT_SIMD_LAUNCHERS(accumulate, Accumulate);
WEFT_SIMD_LAUNCHERS(add_row, AddRow);

}  // namespace weft::kernels
#endif  // HWY_ONCE
