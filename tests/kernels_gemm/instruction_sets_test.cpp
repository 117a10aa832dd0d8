// Matrix products again with every way to multiply bfloat16 that this processor has, whatever it
// would choose.
#include "kernels/gemm/bf16_products.h"
#include "kernels/gemm/gemm.h"
#include "tests/core/run_again.h"
#include "weft/error.h"

namespace weft::test {
namespace {

using kernels::Bf16Products;
using kernels::CpuIsa;

constexpr const char* kVariable = "WEFT_TEST_BF16_PRODUCTS";

struct Way {
  const char* word;
  Bf16Products products;
  CpuIsa needs;
  const char* kernel;  // of a product of many rows
};
constexpr Way kWays[] = {
    {"widened", Bf16Products::kWidened, CpuIsa::kBaseline, "panels"},
    {"pairs", Bf16Products::kPairs, CpuIsa::kAvx512Bf16, "panels of pairs"},
    {"onednn", Bf16Products::kOneDnn, CpuIsa::kAvx512, "onednn bf16"},
};

// In a process that runs again: before the first test.
[[maybe_unused]] const bool kChosen = [] {
  const char* word = std::getenv(kVariable);
  for (const Way& way : kWays) {
    if (word != nullptr && word == std::string_view(way.word))
      kernels::choose_bf16_products(way.products);
  }
  return true;
}();

class Bf16Ways : public testing::TestWithParam<Way> {
 protected:
  void TearDown() override { kernels::choose_bf16_products(std::nullopt); }
};

TEST_P(Bf16Ways, GiveTheSameProducts) {
  if (kernels::cpu_isa() < GetParam().needs) GTEST_SKIP() << "this processor has no such products";
  expect_the_same_with(std::string(kVariable) + "=" + GetParam().word, "Gemm.*-*AreChosenByShape*");
}

TEST_P(Bf16Ways, AreTakenOnlyWhereTheProcessorHasThem) {
  const Way& way = GetParam();
  if (kernels::cpu_isa() < way.needs) {
    EXPECT_THROW(kernels::choose_bf16_products(way.products), Error);
    return;
  }
  kernels::choose_bf16_products(way.products);
  const kernels::GemmPlan plan({.m = 20, .n = 40, .k = 60, .input = DType::kBF16}, 1);
  EXPECT_STREQ(plan.kernel_name(), way.kernel);
}

INSTANTIATE_TEST_SUITE_P(OfThisProcessor, Bf16Ways, testing::ValuesIn(kWays),
                         [](const auto& test) { return std::string(test.param.word); });

}  // namespace
}  // namespace weft::test
