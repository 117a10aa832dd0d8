// Activations on the CPU; activation.h has the formulas.
#include "kernels/activation/activation.h"

#include "kernels/simd/launch.h"
#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activation/activation_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/activation/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

template <class T>
void activation_forward(const ActivationForward<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = element_tiles(a.n);
  with_function(a.kind, [&](auto f) {
    parallel(tiles.count(), [&](int64_t tile, int) HWY_ATTR {
      const T* x = a.x + tiles.begin(tile);
      T* y = a.y + tiles.begin(tile);
      for_lanes(tiles.end(tile) - tiles.begin(tile),
                [&](int64_t i, auto e) WEFT_LANES { store(f.value(load(x + i, e)), y + i, e); });
    });
  });
}

template <class T>
void activation_backward(const ActivationBackward<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = element_tiles(a.n);
  with_function(a.kind, [&](auto f) {
    parallel(tiles.count(), [&](int64_t tile, int) HWY_ATTR {
      const int64_t begin = tiles.begin(tile);
      for_lanes(tiles.end(tile) - begin, [&](int64_t i, auto e) WEFT_LANES {
        const int64_t at = begin + i;
        const V slope = f.both(load(a.x + at, e)).slope;
        store(hn::Mul(load(a.dy + at, e), slope), a.dx + at, e);
      });
    });
  });
}

template <class T>
void gated_forward(const GatedForward<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = row_tiles(a.N, 2 * a.F);
  with_function(a.kind, [&](auto f) {
    parallel(tiles.count(), [&](int64_t tile, int) HWY_ATTR {
      for (int64_t n = tiles.begin(tile); n < tiles.end(tile); ++n) {
        const T *gate = a.x_N2F + n * 2 * a.F, *up = gate + a.F;
        T* y = a.y_NF + n * a.F;
        for_lanes(a.F, [&](int64_t i, auto e) WEFT_LANES {
          store(hn::Mul(f.value(load(gate + i, e)), load(up + i, e)), y + i, e);
        });
      }
    });
  });
}

template <class T>
void gated_backward(const GatedBackward<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = row_tiles(a.N, 2 * a.F);
  with_function(a.kind, [&](auto f) {
    parallel(tiles.count(), [&](int64_t tile, int) HWY_ATTR {
      for (int64_t n = tiles.begin(tile); n < tiles.end(tile); ++n) {
        const T *gate = a.x_N2F + n * 2 * a.F, *dy = a.dy_NF + n * a.F;
        T* dgate = a.dx_N2F + n * 2 * a.F;
        for_lanes(a.F, [&](int64_t i, auto e) WEFT_LANES {
          const ValueAndSlope g = f.both(load(gate + i, e));
          const V up = load(gate + a.F + i, e), d = load(dy + i, e);
          store(hn::Mul(hn::Mul(d, up), g.slope), dgate + i, e);
          store(hn::Mul(d, g.value), dgate + a.F + i, e);
        });
      }
    });
  });
}

WEFT_SIMD_INSTANCES(activation_forward, ActivationForward);
WEFT_SIMD_INSTANCES(activation_backward, ActivationBackward);
WEFT_SIMD_INSTANCES(gated_forward, GatedForward);
WEFT_SIMD_INSTANCES(gated_backward, GatedBackward);

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

WEFT_SIMD_LAUNCHERS(activation_forward, ActivationForward);
WEFT_SIMD_LAUNCHERS(activation_backward, ActivationBackward);
WEFT_SIMD_LAUNCHERS(gated_forward, GatedForward);
WEFT_SIMD_LAUNCHERS(gated_backward, GatedBackward);

}  // namespace weft::kernels
#endif  // HWY_ONCE
