// What every optimizer's update reads at run time, and how a block is cut where decay ends.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/simd/tiles.h"
#include "weft/parallel_for.h"

namespace weft::kernels {

// Each one float.
struct UpdateScalars {
  const float* learning_rate = nullptr;
  const float* step = nullptr;   // the number of this update, from 1
  const float* clip = nullptr;   // by which gradients are multiplied
  const float* apply = nullptr;  // 0: nothing is changed
};

// body(begin, end, decays) for ranges that cover [0, n), none of them across `decayed`.
template <class Body>
void for_decay_spans(int64_t n, int64_t decayed, const ParallelFor& parallel, const Body& body) {
  const Tiles tiles = element_tiles(n);
  parallel(tiles.count(), [&](int64_t tile, int) {
    const int64_t begin = tiles.begin(tile), end = tiles.end(tile);
    const int64_t border = std::clamp(decayed, begin, end);
    if (begin < border) body(begin, border, true);
    if (border < end) body(border, end, false);
  });
}

}  // namespace weft::kernels
