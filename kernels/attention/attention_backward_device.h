// What the backward passes of attention for GPUs share: their arguments, a score's way back, and
// which tiles of queries see a block of keys.
#pragma once

#include "kernels/attention/attention_device.h"
#include "kernels/cuda/warp.h"

namespace weft::kernels::attention_cuda {

struct Backward {
  AttentionBackward<BFloat16> a;
  AttentionRandom random;
  float* delta_BHT;
  KeySpan* sees;  // of each tile of queries of each sample
  int64_t tiles;  // of queries
};

// Fills delta_BHT and sees (attention_backward.cu): the first kernel of a backward pass.
void attention_delta(Stream stream, const Backward& w);

// One score on its way back.
struct Element {
  float p, ds;  // P D, and dS
};
struct ElementInputs {
  float score, dp, lse, delta, factor, scale;
};
WEFT_DEVICE Element differentiate(bool visible, const ElementInputs& e) {
  const float p = fast_exp2(e.score * e.scale * kLog2E - e.lse);
  const float ds = p * (e.dp * e.factor - e.delta) * e.scale;
  return {visible ? p * e.factor : 0.0f, visible ? ds : 0.0f};  // chosen, without a branch
}

// Tiles [begin, end) of 64 queries that see any of the keys [key, key + kKeys). Ends with a
// barrier.
template <int kKeys>
WEFT_DEVICE KeySpan tiles_that_see(const Backward& w, int64_t b, int key, KeySpan* result) {
  if (warp_index() == 0) {
    KeySpan tiles;
    for (int i = static_cast<int>(lane_index()); i < w.tiles; i += static_cast<int>(kWarp)) {
      const KeySpan seen = load(w.sees + b * w.tiles + i);
      if (seen.begin < key + kKeys && seen.end > key) tiles = join(tiles, {i, i + 1});
    }
    for (unsigned d = kWarp / 2; d > 0; d /= 2) {
      tiles = join(tiles, {shuffle_xor(tiles.begin, d), shuffle_xor(tiles.end, d)});
    }
    if (lane_index() == 0) store(result, tiles);
  }
  block_barrier();
  return load(result);
}

}  // namespace weft::kernels::attention_cuda
