// The contracts of attention on paths that this machine would not choose: tiles are emulated where
// there are none, and dot products of bfloat16 may be slower than floats.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "contract_check.h"
#include "graph/registry.h"
#include "kernels/attention/attention_path.h"
#include "weft/error.h"

namespace weft::test {
namespace {

using kernels::AttentionPath;

void check_contracts_on(AttentionPath path) {
  kernels::choose_attention_path(path);
  for (const char* name : {"attention", "attention_backward"}) {
    const graph::OpContract* contract = graph::find_contract(name);
    ASSERT_NE(contract, nullptr);
    const graph::Kernel kernel = graph::cpu_kernels()[graph::index_of(*contract)];
    for (const std::string& failure : check_contract(*contract, kernel)) ADD_FAILURE() << failure;
  }
  kernels::choose_attention_path(std::nullopt);
}

TEST(AttentionContracts, HoldOnEmulatedTiles) {
  check_contracts_on(AttentionPath::kEmulatedTiles);
}

TEST(AttentionContracts, HoldOnDotProducts) {
  try {
    kernels::choose_attention_path(AttentionPath::kDotProducts);
  } catch (const Error& error) {
    // This processor lacks the instructions of the path.
    GTEST_SKIP() << error.what();
  }
  check_contracts_on(AttentionPath::kDotProducts);
}

}  // namespace
}  // namespace weft::test
