// matmul: c = op(a) op(b), op being nothing or transposition.
#pragma once

#include "weft/graph.h"

namespace weft::ops {

struct MatmulParams {
  bool transpose_a = false;
  bool transpose_b = false;

  void visit(auto&& v) {
    v("transpose_a", transpose_a);
    v("transpose_b", transpose_b);
  }
};

// a [..., M, K] (or [..., K, M] if transposed) and b [..., K, N] (or [..., N, K]) of one type and
// of equal leading sizes; the result is [..., M, N] of that type.
Value matmul(Value a, Value b, const MatmulParams& params = {});

}  // namespace weft::ops
