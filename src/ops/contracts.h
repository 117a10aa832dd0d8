// Declares every operator's contract and CPU kernel, from ops.def.
#pragma once

#include "graph/op_contract.h"

namespace weft::ops {

#define WEFT_OP(name)                       \
  namespace contracts {                     \
  extern const graph::OpContract name;      \
  }                                         \
  namespace cpu {                           \
  void name(const graph::KernelCall& call); \
  }
#include "ops/ops.def"
#undef WEFT_OP

}  // namespace weft::ops
