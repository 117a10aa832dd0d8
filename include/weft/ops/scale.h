// scale: y = factor * x.
#pragma once

#include "weft/graph.h"

namespace weft::ops {

struct ScaleParams {
  double factor = 1.0;

  void visit(auto&& v) { v("factor", factor); }
};

Value scale(Value x, double factor);

}  // namespace weft::ops

namespace weft {

inline Value operator*(double factor, Value x) {
  return ops::scale(x, factor);
}

}  // namespace weft
