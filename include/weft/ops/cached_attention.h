// cached_attention: attention of new tokens over a cache of keys and values, for generation.
#pragma once

#include "weft/ops/attention.h"

namespace weft::ops {

// qkv [B, T, (H + 2 K) D] of the new tokens, of which the queries are read; caches [B, S, K, D] in
// qkv's type, which hold the new tokens' keys too; key_range i32 [B, T, 2]: query t sees the keys
// [begin, end). `causal`, `window` and dropout of the parameters are not used. The result is
// [B, T, H D].
Value cached_attention(Value qkv, Value key_cache, Value value_cache, Value key_range,
                       const AttentionParams& params);

}  // namespace weft::ops
