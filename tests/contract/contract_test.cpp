// The one test that covers every operator and names none.
#include <gtest/gtest.h>

#include <algorithm>

#include "contract_check.h"
#include "graph/registry.h"

namespace weft::test {
namespace {

std::vector<std::string> operator_names() {
  std::vector<std::string> names;
  for (const graph::OpContract* contract : graph::all_contracts())
    names.emplace_back(contract->name);
  return names;
}

class EveryOperator : public testing::TestWithParam<std::string> {};

TEST_P(EveryOperator, KeepsItsContract) {
  const graph::OpContract* contract = graph::find_contract(GetParam());
  ASSERT_NE(contract, nullptr);
  const graph::Kernel kernel = graph::cpu_kernels()[graph::index_of(*contract)];
  for (const std::string& failure : check_contract(*contract, kernel)) ADD_FAILURE() << failure;
}

INSTANTIATE_TEST_SUITE_P(Operators, EveryOperator, testing::ValuesIn(operator_names()),
                         [](const auto& test) { return test.param; });

TEST(OperatorList, NamesAreUnique) {
  std::vector<std::string> names = operator_names();
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

}  // namespace
}  // namespace weft::test
