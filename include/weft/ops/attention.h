// attention: softmax(q k^T * scale) v per head, in blocks, so that no T x T matrix ever exists
// (Dao et al., "FlashAttention", 2022). Several query heads may share a key/value head.
#pragma once

#include "weft/graph.h"

namespace weft::ops {

struct AttentionParams {
  int64_t heads = 1;     // H, a multiple of kv_heads
  int64_t kv_heads = 1;  // K
  int64_t head_dim = 1;  // D
  double scale = 0.0;    // 0: 1 / sqrt(D)
  bool causal = true;
  int64_t window = 0;    // a query sees itself and the window - 1 keys before it; 0: all
  double dropout = 0.0;  // of the probabilities
  uint64_t dropout_key = 0;

  void visit(auto&& v) {
    v("heads", heads, {.min = 1});
    v("kv_heads", kv_heads, {.min = 1});
    v("head_dim", head_dim, {.min = 1});
    v("scale", scale);
    v("causal", causal);
    v("window", window, {.min = 0});
    v("dropout", dropout, {.min = 0, .max = 1, .below_max = true});
    v("dropout_key", dropout_key);
  }
};

// qkv [B, T, (H + 2 K) D]: the query heads, then the key heads, then the value heads. key_range i32
// [B, T, 2], may be left out: query t sees the keys [begin, end) of it, as far as `causal` and
// `window` let it; a query that sees nothing gives zeros. rng (weft/ops/dropout.h) only with
// dropout. The result is [B, T, H D].
Value attention(Value qkv, const AttentionParams& params, Value key_range = {}, Value rng = {});

}  // namespace weft::ops
