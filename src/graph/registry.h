// What the graph engine knows of the operators as a whole: their list, the few that passes insert,
// and the kernels of each backend. Defined in src/ops from ops.def, so that src/graph depends on no
// operator.
#pragma once

#include <span>
#include <string_view>

#include "graph/op_contract.h"

namespace weft::graph {

// All operators in the order of ops.def.
std::span<const OpContract* const> all_contracts();
const OpContract* find_contract(std::string_view name);  // null if there is none
size_t index_of(const OpContract& contract);             // place in all_contracts()

// Operators that passes insert, by what they are for.
struct Roles {
  Value (*cast)(Value x, DType dtype);
  Value (*add)(Value a, Value b);
  // sum + x in place in `sum`; overwrites if the f32[1] `flag` is given and is 0.
  Value (*accumulate)(Value sum, Value x, Value flag);
};
const Roles& roles();

// The kernels of one backend, indexed as all_contracts(); null where there is none.
std::span<const Kernel> cpu_kernels();
// Those of a GPU and of the emulated device, which work once a device library is in use
// (ops/device_kernels.h).
std::span<const Kernel> cuda_kernels();

}  // namespace weft::graph
