// dropout: y = x / (1 - p) with probability 1 - p, else 0 (Srivastava et al., 2014).
#pragma once

#include "weft/graph.h"

namespace weft::ops {

struct DropoutParams {
  double p = 0.1;
  uint64_t key = 0;  // tells layers apart: random_key(0, name)

  void visit(auto&& v) {
    v("p", p, {.min = 0, .max = 1, .below_max = true});
    v("key", key);
  }
};

// x [B, ...]; rng i64[3]: seed, step, and the global index of the sample in row 0. An element's
// fate depends on these, the key, its sample's index and its place in the sample alone.
Value dropout(Value x, Value rng, const DropoutParams& params);

}  // namespace weft::ops
