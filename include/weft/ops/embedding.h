// embedding: y[n] = table[ids[n]].
#pragma once

#include "weft/graph.h"

namespace weft::ops {

// ids i32 of any shape, each in [0, V) (the host checks them when it reads data); table [V, C]. The
// result is [..., C] in the table's type.
Value embedding(Value ids, Value table);

}  // namespace weft::ops
