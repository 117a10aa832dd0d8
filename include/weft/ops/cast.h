// cast: the same values in another floating-point type, rounded to nearest, ties to even.
#pragma once

#include "weft/graph.h"

namespace weft::ops {

struct CastParams {
  DType dtype = DType::kF32;

  void visit(auto&& v) { v("dtype", dtype); }
};

Value cast(Value x, DType dtype);

}  // namespace weft::ops
