// Embedding on the CPU; embedding.h has the formulas.
#include "kernels/embedding/embedding.h"

#include <algorithm>

#include "kernels/simd/launch.h"
#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"
#include "weft/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/embedding/embedding_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

constexpr int64_t kColumnTile = 64;  // 256 bytes of a gradient row: four cache lines

template <class T>
void embedding_forward(const EmbeddingForward<T>& a, const ParallelFor& parallel) {
  const Tiles tiles = row_tiles(a.N, a.C);
  parallel(tiles.count(), [&](int64_t tile, int) {
    for (int64_t n = tiles.begin(tile); n < tiles.end(tile); ++n) {
      const int64_t id = a.ids_N[n];
      WEFT_ASSERT(id >= 0 && id < a.V);
      std::copy_n(a.table_VC + id * a.C, a.C, a.y_NC + n * a.C);
    }
  });
}

template <class T>
void embedding_backward(const EmbeddingBackward<T>& a, const ParallelFor& parallel) {
  const Tiles tiles{a.C, kColumnTile};
  const bool add = a.accumulate != nullptr && *a.accumulate != 0.0f;
  parallel(tiles.count(), [&](int64_t tile, int) HWY_ATTR {
    const int64_t first = tiles.begin(tile), width = tiles.end(tile) - first;
    for (int64_t v = 0; v < a.V && !add; ++v)
      std::fill_n(a.dtable_VC + v * a.C + first, width, 0.0f);
    for (int64_t n = 0; n < a.N; ++n) {
      WEFT_ASSERT(a.ids_N[n] >= 0 && a.ids_N[n] < a.V);
      const T* dy = a.dy_NC + n * a.C + first;
      float* out = a.dtable_VC + a.ids_N[n] * a.C + first;
      for_lanes(width, [&](int64_t i, auto e) WEFT_LANES {
        store(hn::Add(load(out + i, e), load(dy + i, e)), out + i, e);
      });
    }
  });
}

WEFT_SIMD_INSTANCES(embedding_forward, EmbeddingForward);
WEFT_SIMD_INSTANCES(embedding_backward, EmbeddingBackward);

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

WEFT_SIMD_LAUNCHERS(embedding_forward, EmbeddingForward);
WEFT_SIMD_LAUNCHERS(embedding_backward, EmbeddingBackward);

}  // namespace weft::kernels
#endif
