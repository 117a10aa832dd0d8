// LayerNorm and RMSNorm on the CPU; norm.h has formulas and shapes. One row at a time: it stays in
// the first-level cache for the two or three passes that it needs.
#include "kernels/norm/norm.h"

#include <cmath>

#include "kernels/reduction/reduction.h"
#include "kernels/simd/launch.h"
#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm/norm_cpu.cpp"
#include <hwy/foreach_target.h>

#include <hwy/cache_control.h>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// Rows of memory that are wanted next and fetched while this one is computed with: the hardware's
// own fetching waits until they are read. Null: there is none.
template <class T>
struct RowsAhead {
  // Of a row: longer ones would drive what is in use out of the first-level cache.
  static constexpr int64_t kMostBytes = 4096;
  const T* rows[3] = {};

  RowsAhead() = default;
  RowsAhead(const NormForward<T>& a, int64_t n)
      : rows{row(a.x_NC, n, a.N, a.C), row(a.residual_NC, n, a.N, a.C)} {}
  RowsAhead(const NormBackward<T>& a, int64_t n)
      : rows{row(a.dy_NC, n, a.N, a.C), row(a.x_NC, n, a.N, a.C), row(a.dsum_NC, n, a.N, a.C)} {}

  static const T* row(const T* base, int64_t n, int64_t N, int64_t C) {
    const bool fits = C * static_cast<int64_t>(sizeof(T)) <= kMostBytes;
    return base != nullptr && n < N && fits ? base + n * C : nullptr;
  }
  HWY_INLINE void fetch(int64_t i) const {
    for (const T* row : rows) {
      if (row != nullptr) hwy::Prefetch(row + i);
    }
  }
};

// The row that is normalised: x, or x + residual rounded to T and stored, so that forward and
// backward see the same numbers.
template <class T>
const T* add_residual(const NormForward<T>& a, int64_t n) {
  const T* x = a.x_NC + n * a.C;
  if (a.residual_NC == nullptr) return x;
  const T* residual = a.residual_NC + n * a.C;
  T* sum = a.sum_NC + n * a.C;
  for_lanes(a.C, [&](int64_t i, auto e) WEFT_LANES {
    store(hn::Add(load(x + i, e), load(residual + i, e)), sum + i, e);
  });
  return sum;
}

template <class T>
void layer_norm_row(const NormForward<T>& a, int64_t n) {
  const T* x = add_residual(a, n);
  const float width = static_cast<float>(a.C);
  const float mean =
      sum_lanes(a.C, [&](int64_t i, auto e) WEFT_LANES { return load(x + i, e); }) / width;
  const V mean_v = all(mean);
  const float squares = sum_lanes(a.C, [&](int64_t i, auto e) WEFT_LANES {
    const V d = hn::Sub(load(x + i, e), mean_v);
    return hn::Mul(d, d);
  });
  const float rstd = 1.0f / std::sqrt(squares / width + a.eps);
  const V rstd_v = all(rstd), one = all(1.0f), zero = zeros();
  T* y = a.y_NC + n * a.C;
  const RowsAhead<T> ahead(a, n + 1);
  for_lanes(a.C, [&](int64_t i, auto e) WEFT_LANES {
    ahead.fetch(i);
    const V unit = hn::Mul(hn::Sub(load(x + i, e), mean_v), rstd_v);
    const V scale = load_or(a.scale_C, i, e, one), bias = load_or(a.bias_C, i, e, zero);
    store(hn::MulAdd(unit, scale, bias), y + i, e);
  });
  a.mean_N[n] = mean;
  a.rstd_N[n] = rstd;
}

template <class T>
struct RmsSpan {
  const T* x;
  const float* scale;
  T* y;
  int64_t width;
  float eps;
  RowsAhead<T> ahead = {};
};

// y = x * rstd * scale for one row or head; returns rstd.
template <class T>
float rms_norm_span(const RmsSpan<T>& s) {
  const float squares = sum_lanes(s.width, [&](int64_t i, auto e) WEFT_LANES {
    const V v = load(s.x + i, e);
    return hn::Mul(v, v);
  });
  const float rstd = 1.0f / std::sqrt(squares / static_cast<float>(s.width) + s.eps);
  const V rstd_v = all(rstd), one = all(1.0f);
  for_lanes(s.width, [&](int64_t i, auto e) WEFT_LANES {
    s.ahead.fetch(i);
    store(hn::Mul(hn::Mul(load(s.x + i, e), rstd_v), load_or(s.scale, i, e, one)), s.y + i, e);
  });
  return rstd;
}

template <class T>
void layer_norm_forward(const NormForward<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = row_tiles(a.N, a.C);
  parallel(tiles.count(), [&](int64_t tile, int) {
    for (int64_t n = tiles.begin(tile); n < tiles.end(tile); ++n) layer_norm_row(a, n);
  });
}

template <class T>
void rms_norm_forward(const NormForward<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = row_tiles(a.N, a.C);
  parallel(tiles.count(), [&](int64_t tile, int) {
    for (int64_t n = tiles.begin(tile); n < tiles.end(tile); ++n) {
      const RowsAhead<T> ahead(a, n + 1);
      a.rstd_N[n] = rms_norm_span(
          RmsSpan<T>{add_residual(a, n), a.scale_C, a.y_NC + n * a.C, a.C, a.eps, ahead});
    }
  });
}

template <class T>
void head_norm_forward(const HeadNormForward<T>& a, const ParallelFor& parallel) {
  const int64_t groups = a.H + a.K, width = (a.H + 2 * a.K) * a.D;
  const Tiles tiles = row_tiles(a.N, width);
  parallel(tiles.count(), [&](int64_t tile, int) {
    for (int64_t n = tiles.begin(tile); n < tiles.end(tile); ++n) {
      const T* in = a.qkv_NW + n * width;
      T* out = a.out_NW + n * width;
      for (int64_t g = 0; g < groups; ++g) {
        const float* scale = g < a.H ? a.q_scale_D : a.k_scale_D;
        a.rstd_NG[n * groups + g] =
            rms_norm_span(RmsSpan<T>{in + g * a.D, scale, out + g * a.D, a.D, a.eps});
      }
      if (in != out) std::copy(in + groups * a.D, in + width, out + groups * a.D);
    }
  });
}

// One row's (or head's) part of the backward pass. Null pointers stand for what is not wanted.
template <class T>
struct BackwardSpan {
  const T* dy;
  const T* x;
  const float* scale;
  const T* dsum;
  T* dx;
  float* dscale;  // partial sums of this tile of rows
  float* dbias;
  int64_t width;
  float mean, rstd;
  RowsAhead<T> ahead = {};
};

// dx = rstd * (g - mean(g) - xhat * mean(g * xhat)) with g = dy * scale; RMSNorm has no mean(g).
template <bool kCentered, class T>
void norm_backward_span(const BackwardSpan<T>& s) {
  const V mean = all(s.mean), rstd = all(s.rstd), one = all(1.0f), zero = zeros();
  const TwoSums sums = sum_lanes_twice(s.width, [&](int64_t i, auto e) WEFT_LANES {
    const V dy = load(s.dy + i, e);
    const V unit = hn::Mul(hn::Sub(load(s.x + i, e), mean), rstd);
    if (s.dscale != nullptr) {
      store(hn::MulAdd(dy, unit, load(s.dscale + i, e)), s.dscale + i, e);
    }
    if (kCentered && s.dbias != nullptr) {
      store(hn::Add(dy, load(s.dbias + i, e)), s.dbias + i, e);
    }
    const V g = hn::Mul(dy, load_or(s.scale, i, e, one));
    return TwoVectors{g, hn::Mul(g, unit)};
  });
  const float width = static_cast<float>(s.width);
  const V mean_g = all(kCentered ? sums.first / width : 0.0f), mean_gx = all(sums.second / width);
  for_lanes(s.width, [&](int64_t i, auto e) WEFT_LANES {
    s.ahead.fetch(i);
    const V g = hn::Mul(load(s.dy + i, e), load_or(s.scale, i, e, one));
    const V unit = hn::Mul(hn::Sub(load(s.x + i, e), mean), rstd);
    const V centered = hn::NegMulAdd(unit, mean_gx, kCentered ? hn::Sub(g, mean_g) : g);
    store(hn::MulAdd(centered, rstd, load_or(s.dsum, i, e, zero)), s.dx + i, e);
  });
}

// The workspace holds, for each tile of rows, partial sums of dscale and then of dbias.
template <bool kCentered, class T>
void norm_backward(const NormBackward<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = sum_tiles(a.N);
  const bool sums = a.dscale_C != nullptr || a.dbias_C != nullptr;
  parallel(tiles.count(), [&](int64_t tile, int) {
    float* partial = sums ? a.workspace + tile * 2 * a.C : nullptr;
    if (sums) std::fill(partial, partial + 2 * a.C, 0.0f);
    for (int64_t n = tiles.begin(tile); n < tiles.end(tile); ++n) {
      const int64_t at = n * a.C;
      norm_backward_span<kCentered>(
          BackwardSpan<T>{.dy = a.dy_NC + at,
                          .x = a.x_NC + at,
                          .scale = a.scale_C,
                          .dsum = a.dsum_NC == nullptr ? nullptr : a.dsum_NC + at,
                          .dx = a.dx_NC + at,
                          .dscale = a.dscale_C == nullptr ? nullptr : partial,
                          .dbias = a.dbias_C == nullptr ? nullptr : partial + a.C,
                          .width = a.C,
                          .mean = kCentered ? a.mean_N[n] : 0.0f,
                          .rstd = a.rstd_N[n],
                          .ahead = RowsAhead<T>(a, n + 1)});
    }
  });
  const auto add = [&](int64_t offset, float* out, const float* accumulate) {
    if (out == nullptr) return;
    add_partial_sums({.partial_RC = a.workspace + offset,
                      .out_C = out,
                      .accumulate = accumulate,
                      .R = tiles.count(),
                      .C = a.C,
                      .stride = 2 * a.C},
                     parallel);
  };
  add(0, a.dscale_C, a.accumulate_dscale);
  add(a.C, kCentered ? a.dbias_C : nullptr, a.accumulate_dbias);
}

template <class T>
void layer_norm_backward(const NormBackward<T>& a, const ParallelFor& parallel) {
  norm_backward<true>(a, parallel);
}
template <class T>
void rms_norm_backward(const NormBackward<T>& a, const ParallelFor& parallel) {
  norm_backward<false>(a, parallel);
}

template <class T>
void head_norm_backward_row(const HeadNormBackward<T>& a, int64_t n, float* partial) {
  const int64_t groups = a.H + a.K, width = (a.H + 2 * a.K) * a.D;
  const T* dy = a.dout_NW + n * width;
  T* dx = a.dqkv_NW + n * width;
  for (int64_t g = 0; g < groups; ++g) {
    const bool query = g < a.H;
    norm_backward_span<false>(BackwardSpan<T>{.dy = dy + g * a.D,
                                              .x = a.qkv_NW + n * width + g * a.D,
                                              .scale = query ? a.q_scale_D : a.k_scale_D,
                                              .dsum = nullptr,
                                              .dx = dx + g * a.D,
                                              .dscale = query ? partial : partial + a.D,
                                              .dbias = nullptr,
                                              .width = a.D,
                                              .mean = 0.0f,
                                              .rstd = a.rstd_NG[n * groups + g]});
  }
  if (dy != dx) std::copy(dy + groups * a.D, dy + width, dx + groups * a.D);
}

template <class T>
void head_norm_backward(const HeadNormBackward<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = sum_tiles(a.N);
  parallel(tiles.count(), [&](int64_t tile, int) {
    float* partial = a.workspace + tile * 2 * a.D;
    std::fill(partial, partial + 2 * a.D, 0.0f);
    for (int64_t n = tiles.begin(tile); n < tiles.end(tile); ++n) {
      head_norm_backward_row(a, n, partial);
    }
  });
  const auto add = [&](const float* partial, float* out, const float* accumulate) {
    add_partial_sums({.partial_RC = partial,
                      .out_C = out,
                      .accumulate = accumulate,
                      .R = tiles.count(),
                      .C = a.D,
                      .stride = 2 * a.D},
                     parallel);
  };
  add(a.workspace, a.dq_scale_D, a.accumulate_dq_scale);
  add(a.workspace + a.D, a.dk_scale_D, a.accumulate_dk_scale);
}

WEFT_SIMD_INSTANCES(layer_norm_forward, NormForward);
WEFT_SIMD_INSTANCES(rms_norm_forward, NormForward);
WEFT_SIMD_INSTANCES(head_norm_forward, HeadNormForward);
WEFT_SIMD_INSTANCES(layer_norm_backward, NormBackward);
WEFT_SIMD_INSTANCES(rms_norm_backward, NormBackward);
WEFT_SIMD_INSTANCES(head_norm_backward, HeadNormBackward);

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

WEFT_SIMD_LAUNCHERS(layer_norm_forward, NormForward);
WEFT_SIMD_LAUNCHERS(rms_norm_forward, NormForward);
WEFT_SIMD_LAUNCHERS(head_norm_forward, HeadNormForward);
WEFT_SIMD_LAUNCHERS(layer_norm_backward, NormBackward);
WEFT_SIMD_LAUNCHERS(rms_norm_backward, NormBackward);
WEFT_SIMD_LAUNCHERS(head_norm_backward, HeadNormBackward);

int64_t norm_backward_workspace(int64_t N, int64_t C) {
  return sum_tiles(N).count() * 2 * C * static_cast<int64_t>(sizeof(float));
}

int64_t head_norm_backward_workspace(int64_t N, int64_t D) {
  return norm_backward_workspace(N, D);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
