// add: c = a + b, element by element.
#pragma once

#include "weft/graph.h"

namespace weft::ops {

// Both of the same shape and type; the result is like them.
Value add(Value a, Value b);

}  // namespace weft::ops

namespace weft {

inline Value operator+(Value a, Value b) {
  return ops::add(a, b);
}

}  // namespace weft
