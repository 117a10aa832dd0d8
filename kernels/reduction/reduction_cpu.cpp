// Sums and their gradients on the CPU; reduction.h has the shapes.
#include "kernels/reduction/reduction.h"

#include <algorithm>

#include "kernels/simd/launch.h"
#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduction/reduction_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

template <class T>
float sum_span(const T* x, int64_t n) {
  return sum_lanes(n, [&](int64_t i, auto e) WEFT_LANES { return load(x + i, e); });
}

template <class T>
void sum_last(const SumLast<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = row_tiles(a.N, a.C);
  parallel(tiles.count(), [&](int64_t tile, int) {
    for (int64_t n = tiles.begin(tile); n < tiles.end(tile); ++n) {
      a.y_N[n] = a.scale * sum_span(a.x_NC + n * a.C, a.C);
    }
  });
}

template <class T>
void sum_all(const SumAll<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = element_tiles(a.n);
  constexpr int64_t kSpan = 512;  // short float sums: their rounding stays small against the total
  parallel(tiles.count(), [&](int64_t tile, int) {
    double sum = 0;
    for (int64_t i = tiles.begin(tile); i < tiles.end(tile); i += kSpan) {
      sum += static_cast<double>(sum_span(a.x + i, std::min(kSpan, tiles.end(tile) - i)));
    }
    a.workspace[tile] = sum;
  });
  double total = 0;
  for (int64_t tile = 0; tile < tiles.count(); ++tile) total += a.workspace[tile];
  *a.y = static_cast<float>(static_cast<double>(a.scale) * total);
}

template <class T>
void sum_rows(const SumRows<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = sum_tiles(a.N);
  parallel(tiles.count(), [&](int64_t tile, int) {
    float* partial = a.workspace + tile * a.C;
    std::fill(partial, partial + a.C, 0.0f);
    for (int64_t n = tiles.begin(tile); n < tiles.end(tile); ++n) {
      const T* x = a.x_NC + n * a.C;
      for_lanes(a.C, [&](int64_t i, auto e) WEFT_LANES {
        store(hn::Add(load(partial + i, e), load(x + i, e)), partial + i, e);
      });
    }
  });
  add_partial_sums({.partial_RC = a.workspace,
                    .out_C = a.out_C,
                    .accumulate = a.accumulate,
                    .R = tiles.count(),
                    .C = a.C,
                    .stride = a.C},
                   parallel);
}

void add_partial_sums_f32(const AddPartialSums& a, const ParallelFor& parallel) {
  const bool accumulate = a.accumulate != nullptr && *a.accumulate != 0.0f;
  const Tiles columns = {a.C, 512};
  parallel(columns.count(), [&](int64_t tile, int) {
    const int64_t begin = columns.begin(tile);
    float* out = a.out_C + begin;
    for_lanes(columns.end(tile) - begin, [&](int64_t i, auto e) WEFT_LANES {
      V sum = accumulate ? load(out + i, e) : zeros();
      for (int64_t r = 0; r < a.R; ++r) {
        sum = hn::Add(sum, load(a.partial_RC + r * a.stride + begin + i, e));
      }
      store(sum, out + i, e);
    });
  });
}

template <class T>
void expand_last(const ExpandLast<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = element_tiles(a.N * a.C);
  parallel(tiles.count(), [&](int64_t tile, int) {
    int64_t at = tiles.begin(tile);
    while (at < tiles.end(tile)) {
      const int64_t n = at / a.C, end = std::min(tiles.end(tile), (n + 1) * a.C);
      const V value = all(a.scale * a.g_N[n]);
      for_lanes(end - at, [&](int64_t i, auto e) WEFT_LANES { store(value, a.y_NC + at + i, e); });
      at = end;
    }
  });
}

WEFT_SIMD_INSTANCES(sum_last, SumLast);
WEFT_SIMD_INSTANCES(sum_all, SumAll);
WEFT_SIMD_INSTANCES(sum_rows, SumRows);
WEFT_SIMD_INSTANCES(expand_last, ExpandLast);

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

WEFT_SIMD_LAUNCHERS(sum_last, SumLast);
WEFT_SIMD_LAUNCHERS(sum_all, SumAll);
WEFT_SIMD_LAUNCHERS(sum_rows, SumRows);
WEFT_SIMD_LAUNCHERS(expand_last, ExpandLast);

HWY_EXPORT(add_partial_sums_f32);
void add_partial_sums(const AddPartialSums& args, const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(add_partial_sums_f32)(args, parallel);
}

int64_t sum_all_workspace(int64_t n) {
  return element_tiles(n).count() * static_cast<int64_t>(sizeof(double));
}

int64_t sum_rows_workspace(int64_t N, int64_t C) {
  return sum_tiles(N).count() * C * static_cast<int64_t>(sizeof(float));
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
