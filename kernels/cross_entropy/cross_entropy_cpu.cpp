// Cross-entropy on the CPU; cross_entropy.h has the formulas. A row is read in blocks that stay in
// the first-level cache for their maximum and their exponentials, and then once for the gradient,
// from the second-level cache.
#include "kernels/cross_entropy/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/simd/launch.h"
#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"
#include "weft/portable_math.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cross_entropy/cross_entropy_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

constexpr int64_t kBlock = 1024;
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

template <class T>
float max_of(const T* x, int64_t n) {
  V most = all(kMinusInfinity);
  for_lanes(n, [&](int64_t i, auto e) WEFT_LANES {
    most = hn::Max(most, keep_or(load(x + i, e), e, all(kMinusInfinity)));
  });
  return max_of_lanes(most);
}

struct RowSums {
  double lse;
  double logits;  // sum of x; only with label smoothing
};

// The maximum so far is a guard against overflow only. NaN anywhere makes the sum NaN, whatever
// the maximum makes of it; a maximum of -infinity is replaced, because x - maximum would be NaN.
template <class T>
RowSums row_sums(const T* x, int64_t n, bool with_logits) {
  float most = kMinusInfinity;
  double sum = 0, logits = 0;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const T* block = x + begin;
    const int64_t width = std::min(kBlock, n - begin);
    const float higher = std::max(most, max_of(block, width));
    const float guard = higher == kMinusInfinity ? 0.0f : higher;
    const V guard_v = all(guard);
    const float part = sum_lanes(width, [&](int64_t i, auto e) WEFT_LANES {
      return exp_lanes(hn::Sub(load(block + i, e), guard_v));
    });
    if (sum != 0) sum *= portable::exp(static_cast<double>(most) - static_cast<double>(guard));
    sum += static_cast<double>(part);
    most = higher;
    if (with_logits) {
      logits += static_cast<double>(
          sum_lanes(width, [&](int64_t i, auto e) WEFT_LANES { return load(block + i, e); }));
    }
  }
  return {(most == kMinusInfinity ? 0.0 : static_cast<double>(most)) + portable::log(sum), logits};
}

template <class T>
void fill_row(T* row, int64_t n, float value) {
  std::fill(row, row + n, T(value));
}

// dx may be x: the label's own element is computed from the logit as it was before.
template <class T>
void gradient_row(const CrossEntropyRows<T>& a, int64_t n, double lse) {
  const int64_t stride = a.S == 0 ? a.V : a.S, label = a.labels_N[n];
  const T* x = a.logits_NS + n * stride;
  T* dx = a.dlogits_NS + n * stride;
  const double scale = a.scale == nullptr ? 1.0 : static_cast<double>(*a.scale);
  const double smoothing = static_cast<double>(a.label_smoothing);
  const double gain = scale * (1 + 2 * static_cast<double>(a.z_loss) * lse);
  const double shift = scale * smoothing / static_cast<double>(a.V);
  const double at_label = portable::exp(static_cast<double>(static_cast<float>(x[label])) - lse);
  const V lse_v = all(static_cast<float>(lse)), gain_v = all(static_cast<float>(gain));
  const V shift_v = all(static_cast<float>(shift));
  for_lanes(a.V, [&](int64_t i, auto e) WEFT_LANES {
    const V p = exp_lanes(hn::Sub(load(x + i, e), lse_v));
    store(hn::MulSub(p, gain_v, shift_v), dx + i, e);
  });
  dx[label] = T(static_cast<float>(at_label * gain - shift - scale * (1 - smoothing)));
  fill_row(dx + a.V, stride - a.V, 0.0f);
}

// A row without a label that counts: ignored (0), or wrong (NaN).
template <class T>
void skip_row(const CrossEntropyRows<T>& a, int64_t n) {
  const int64_t stride = a.S == 0 ? a.V : a.S;
  const bool ignored = a.labels_N[n] == a.ignore_index;
  const float value = ignored ? 0.0f : std::numeric_limits<float>::quiet_NaN();
  if (a.loss_N != nullptr) a.loss_N[n] = static_cast<double>(value);
  if (a.dlogits_NS == nullptr) return;
  fill_row(a.dlogits_NS + n * stride, a.V, value);
  fill_row(a.dlogits_NS + n * stride + a.V, stride - a.V, 0.0f);
}

template <class T>
void one_row(const CrossEntropyRows<T>& a, int64_t n) {
  const int64_t label = a.labels_N[n];
  if (label == a.ignore_index || label < 0 || label >= a.V) return skip_row(a, n);
  const T* x = a.logits_NS + n * (a.S == 0 ? a.V : a.S);
  const double smoothing = static_cast<double>(a.label_smoothing);
  const RowSums sums = row_sums(x, a.V, smoothing != 0);
  if (a.loss_N != nullptr) {
    const double nll = sums.lse - static_cast<double>(static_cast<float>(x[label]));
    double loss = (1 - smoothing) * nll + static_cast<double>(a.z_loss) * sums.lse * sums.lse;
    if (smoothing != 0) loss += smoothing * (sums.lse - sums.logits / static_cast<double>(a.V));
    a.loss_N[n] = loss;
  }
  if (a.dlogits_NS != nullptr) gradient_row(a, n, sums.lse);
}

template <class T>
void cross_entropy_rows(const CrossEntropyRows<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = row_tiles(a.N, a.V);
  parallel(tiles.count(), [&](int64_t tile, int) {
    for (int64_t n = tiles.begin(tile); n < tiles.end(tile); ++n) one_row(a, n);
  });
}

WEFT_SIMD_INSTANCES(cross_entropy_rows, CrossEntropyRows);

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

WEFT_SIMD_LAUNCHERS(cross_entropy_rows, CrossEntropyRows);

double sum_of_losses(const double* loss_N, int64_t N) {
  double sum = 0;
  for (int64_t n = 0; n < N; ++n) sum += loss_N[n];
  return sum;
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
