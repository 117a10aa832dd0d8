// Activations on the CPU; activation.h has the formulas.
#include "kernels/activation/activation.h"

#include "kernels/simd/launch.h"
#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activation/activation_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// Every function gives its value, and value and slope together, because they share most work.
struct ValueAndSlope {
  V value, slope;
};

struct Gelu {
  static HWY_INLINE V phi(V x) {
    return hn::MulAdd(erf_lanes(hn::Mul(x, all(0.70710678f))), all(0.5f), all(0.5f));
  }
  static HWY_INLINE V value(V x) { return hn::Mul(x, phi(x)); }
  static HWY_INLINE ValueAndSlope both(V x) {
    const V p = phi(x);
    const V density = hn::Mul(all(0.39894228f), exp_lanes(hn::Mul(hn::Mul(x, x), all(-0.5f))));
    return {hn::Mul(x, p), hn::MulAdd(x, density, p)};
  }
};

// (1 + tanh(u)) / 2 is sigmoid(2 u), and loses nothing where tanh is near -1.
struct GeluTanh {
  static constexpr float kTwoRoot = 1.59576912f;  // 2 sqrt(2 / pi)
  static constexpr float kCubic = 0.044715f;
  static HWY_INLINE V gate(V x) {
    const V inner = hn::MulAdd(hn::Mul(x, x), all(kTwoRoot * kCubic), all(kTwoRoot));
    return sigmoid_lanes(hn::Mul(x, inner));
  }
  static HWY_INLINE V value(V x) { return hn::Mul(x, gate(x)); }
  static HWY_INLINE ValueAndSlope both(V x) {
    const V s = gate(x), y = hn::Mul(x, s);
    const V inner_slope = hn::MulAdd(hn::Mul(x, x), all(3 * kTwoRoot * kCubic), all(kTwoRoot));
    return {y, hn::MulAdd(hn::Mul(y, hn::Sub(all(1.0f), s)), inner_slope, s)};
  }
};

struct Silu {
  static HWY_INLINE V value(V x) { return hn::Mul(x, sigmoid_lanes(x)); }
  static HWY_INLINE ValueAndSlope both(V x) {
    const V s = sigmoid_lanes(x), y = hn::Mul(x, s);
    return {y, hn::MulAdd(y, hn::Sub(all(1.0f), s), s)};
  }
};

// Written so that NaN stays NaN.
struct Relu {
  static HWY_INLINE V value(V x) { return hn::IfThenZeroElse(hn::Lt(x, zeros()), x); }
  static HWY_INLINE ValueAndSlope both(V x) {
    return {value(x), hn::IfThenZeroElse(hn::Le(x, zeros()), all(1.0f))};
  }
};

struct Tanh {
  static HWY_INLINE V value(V x) { return tanh_lanes(x); }
  static HWY_INLINE ValueAndSlope both(V x) {
    const V y = tanh_lanes(x);
    return {y, hn::NegMulAdd(y, y, all(1.0f))};
  }
};

template <class Body>
void with_function(ActivationKind kind, Body body) {
  switch (kind) {
    case ActivationKind::kGelu: return body(Gelu());
    case ActivationKind::kGeluTanh: return body(GeluTanh());
    case ActivationKind::kSilu: return body(Silu());
    case ActivationKind::kRelu: return body(Relu());
    case ActivationKind::kTanh: return body(Tanh());
  }
}

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
