// The decoders' reference values again on every path of instructions that this machine has, and
// with the reference kernels.
#include "golden_case.h"
#include "tests/core/run_again.h"

namespace weft::test {
namespace {

void expect_the_values_with(const std::string& environment) {
  const std::string output = expect_the_same_with(environment, "Models/Decoder*-*Tolerance*");
  EXPECT_EQ(output.find("SKIPPED"), std::string::npos) << output;
}

class InstructionSet : public testing::TestWithParam<kernels::CpuIsa> {};

TEST_P(InstructionSet, GivesTheReferenceValues) {
  // The values are made with PyTorch and kept apart from the project.
  if (!golden_folder("gpt2")) GTEST_SKIP() << "no reference values: set WEFT_GOLDEN";
  // A path that the processor cannot run.
  if (kernels::detected_cpu_isa() < GetParam())
    GTEST_SKIP() << "this processor has no " << name_of(GetParam());
  expect_the_values_with("WEFT_MAX_ISA=" + std::string(name_of(GetParam())));
}

TEST(ReferenceKernels, GivesTheReferenceValues) {
  // The values are made with PyTorch and kept apart from the project.
  if (!golden_folder("gpt2")) GTEST_SKIP() << "no reference values: set WEFT_GOLDEN";
  expect_the_values_with(kReferenceKernels);
}

TEST(FastBf16Dot, GivesTheReferenceValues) {
  // The values are made with PyTorch and kept apart from the project.
  if (!golden_folder("gpt2")) GTEST_SKIP() << "no reference values: set WEFT_GOLDEN";
  // Other processors have one way alone to multiply bfloat16: nothing to choose.
  if (kernels::detected_cpu_isa() < kernels::CpuIsa::kAvx512Bf16)
    GTEST_SKIP() << "this processor has no bfloat16 instructions";
  expect_the_values_with(kFastBf16Dot);
}

INSTANTIATE_TEST_SUITE_P(Levels, InstructionSet, instruction_sets(), name_of_level);

}  // namespace
}  // namespace weft::test
