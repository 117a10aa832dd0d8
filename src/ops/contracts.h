// Declares every operator's contract and kernels, from ops.def.
#pragma once

#include "graph/op_contract.h"

// An operator without a kernel for GPUs has a null entry in their table.
#define WEFT_MAY_LACK [[gnu::weak]]

namespace weft::ops {

#define WEFT_OP(name)                       \
  namespace contracts {                     \
  extern const graph::OpContract name;      \
  }                                         \
  namespace cpu {                           \
  void name(const graph::KernelCall& call); \
  }                                         \
  namespace cuda {                          \
  WEFT_MAY_LACK                             \
  void name(const graph::KernelCall& call); \
  }
#include "ops/ops.def"
#undef WEFT_OP

}  // namespace weft::ops
