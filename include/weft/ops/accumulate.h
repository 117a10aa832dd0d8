// accumulate: sum += x, in place.
#pragma once

#include "weft/graph.h"

namespace weft::ops {

// `sum` f32, `x` f32 or bf16 of the same shape; the result is `sum`'s memory. If `flag` (f32[1]) is
// given and holds 0 when the program runs, `sum` is overwritten instead.
Value accumulate(Value sum, Value x, Value flag = {});

}  // namespace weft::ops
