// head_norm: rms_norm over each query and key head of packed projections, as Qwen3 does before it
// rotates them; the values pass through.
#pragma once

#include "weft/graph.h"

namespace weft::ops {

struct HeadNormParams {
  int64_t heads = 1;
  int64_t kv_heads = 1;
  int64_t head_dim = 1;
  double eps = 1e-6;

  void visit(auto&& v) {
    v("heads", heads, {.min = 1});
    v("kv_heads", kv_heads, {.min = 1});
    v("head_dim", head_dim, {.min = 1});
    v("eps", eps, {.min = 0});
  }
};

// qkv [..., (H + 2 K) D]: the query heads, then the key heads, then the value heads; scales [D] in
// fp32. The result is like qkv.
Value head_norm(Value qkv, Value q_scale, Value k_scale, const HeadNormParams& params);

}  // namespace weft::ops
