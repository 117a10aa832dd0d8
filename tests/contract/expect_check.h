// What tests of the contract check itself say of a contract and a kernel.
#pragma once

#include <gtest/gtest.h>

#include "contract_check.h"
#include "graph/registry.h"

namespace weft::test {

inline const graph::OpContract& original(std::string_view name) {
  const graph::OpContract* contract = graph::find_contract(name);
  if (contract == nullptr) throw Error("no operator " + std::string(name));
  return *contract;
}

inline graph::Kernel kernel_of(std::string_view name) {
  return graph::cpu_kernels()[graph::index_of(original(name))];
}

inline void expect_clean(const graph::OpContract& contract, graph::Kernel kernel) {
  for (const std::string& failure : check_contract(contract, kernel)) ADD_FAILURE() << failure;
}

inline void expect_caught(const graph::OpContract& contract, graph::Kernel kernel,
                          std::string_view message) {
  const std::vector<std::string> failures = check_contract(contract, kernel);
  std::string all;
  for (const std::string& failure : failures) {
    if (failure.find(message) != std::string::npos) return;
    all += failure + "\n";
  }
  ADD_FAILURE() << "no failure says '" << message << "'; there are " << failures.size() << ":\n"
                << all;
}

}  // namespace weft::test
