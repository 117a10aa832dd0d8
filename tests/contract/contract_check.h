// Checks an operator against its own contract. Names no operator.
#pragma once

#include <string>
#include <vector>

#include "graph/op_contract.h"

namespace weft::test {

// What is wrong with the operator; empty if nothing is. `kernel` is the kernel to check.
std::vector<std::string> check_contract(const graph::OpContract& contract, graph::Kernel kernel);

}  // namespace weft::test
