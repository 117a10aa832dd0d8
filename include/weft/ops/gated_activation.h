// gated_activation: y = f(gate) * up, where a row holds gate and up side by side (SwiGLU with silu,
// GeGLU with gelu; Shazeer, "GLU variants improve Transformer", 2020).
#pragma once

#include "weft/ops/activation.h"

namespace weft::ops {

// gate_up [..., 2 F]: the gate, then the other half; the result is [..., F].
Value gated_activation(Value gate_up, Activation kind);

}  // namespace weft::ops
