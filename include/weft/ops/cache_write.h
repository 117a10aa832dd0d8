// cache_write: puts the keys and values of new tokens into the caches, in place.
#pragma once

#include "weft/graph.h"

namespace weft::ops {

struct CacheWriteParams {
  int64_t heads = 1;  // H: the keys lie behind the query heads

  void visit(auto&& v) { v("heads", heads, {.min = 1}); }
};

struct Caches {
  Value keys;
  Value values;
};

// caches [B, S, K, D]; qkv [B, T, (H + 2 K) D]; slots i32 [B, T]: where in [0, S) token t goes; a
// negative slot drops it (padding). The results are the caches' memory.
Caches cache_write(Caches caches, Value qkv, Value slots, const CacheWriteParams& params);

}  // namespace weft::ops
