// The norm of gradients on the CPU; gradient_norm.h says what it gives.
#include "kernels/optimizer/gradient_norm.h"

#include <algorithm>
#include <cmath>

#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimizer/gradient_norm_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

constexpr int64_t kRun = 1024;   // elements whose squares are summed in float
constexpr int64_t kStreams = 4;  // places read at once: one stream does not fill the memory's lanes

// The squares of a run from each of `places`, which lie `distance` apart.
HWY_INLINE void run_sums(const float* x, int64_t distance, float* sums) {
  V sum[kStreams] = {zeros(), zeros(), zeros(), zeros()};
  for (int64_t i = 0; i < kRun; i += kLanes) {
    HWY_UNROLL(4)
    for (int64_t s = 0; s < kStreams; ++s) {
      const V v = load(x + s * distance + i, Full());
      sum[s] = hn::MulAdd(v, v, sum[s]);
    }
  }
  for (int64_t s = 0; s < kStreams; ++s) sums[s] = sum_of_lanes(sum[s]);
}

HWY_INLINE double square_sum(const float* x, int64_t n) {
  constexpr int64_t kRuns = kTileElements / kRun, kPart = kRuns / kStreams;
  double total = 0;
  if (n == kTileElements) {
    float sums[kPart][kStreams];
    for (int64_t run = 0; run < kPart; ++run) run_sums(x + run * kRun, kPart * kRun, sums[run]);
    for (int64_t run = 0; run < kRuns; ++run)
      total += static_cast<double>(sums[run % kPart][run / kPart]);
    return total;
  }
  for (int64_t start = 0; start < n; start += kRun) {
    V sum = zeros();
    for_lanes(std::min(kRun, n - start), [&](int64_t i, auto e) WEFT_LANES {
      const V v = load(x + start + i, e);
      sum = hn::MulAdd(v, v, sum);
    });
    total += static_cast<double>(sum_of_lanes(sum));
  }
  return total;
}

void square_sums(const GradientNorm& a, const ParallelFor& parallel) {
  const Tiles tiles = element_tiles(a.N);
  parallel(tiles.count(), [&](int64_t tile, int) HWY_ATTR {
    const int64_t begin = tiles.begin(tile);
    a.workspace[tile] = square_sum(a.gradients_N + begin, tiles.end(tile) - begin);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(square_sums);

int64_t gradient_norm_workspace(int64_t N) {
  return element_tiles(N).count() * static_cast<int64_t>(sizeof(double));
}

void gradient_norm(const GradientNorm& a, const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(square_sums)(a, parallel);
  double sum = 0;
  for (int64_t tile = 0; tile < element_tiles(a.N).count(); ++tile) sum += a.workspace[tile];
  const double norm = std::sqrt(sum);
  const bool finite = std::isfinite(norm);
  *a.norm = static_cast<float>(norm);
  *a.clip = finite && a.max_norm > 0 ? static_cast<float>(std::min(1.0, a.max_norm / (norm + 1e-6)))
                                     : 1.0f;
  const bool permitted = a.veto == nullptr || *a.veto == 0.0f;
  *a.apply = finite && permitted ? 1.0f : 0.0f;
}

}  // namespace weft::kernels
#endif
