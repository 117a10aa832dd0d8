// Every operator's contract again on every path of instructions that this machine has, and with the
// reference kernels.
#include "tests/core/run_again.h"

namespace weft::test {
namespace {

constexpr const char* kTests = "Operators/EveryOperator.*";

class EveryInstructionSet : public testing::TestWithParam<kernels::CpuIsa> {};

TEST_P(EveryInstructionSet, KeepsTheContracts) {
  // A path that the processor cannot run.
  if (kernels::detected_cpu_isa() < GetParam())
    GTEST_SKIP() << "this processor has no " << name_of(GetParam());
  expect_the_same_with("WEFT_MAX_ISA=" + std::string(name_of(GetParam())), kTests);
}

TEST(ReferenceKernels, KeepsTheContracts) {
  expect_the_same_with(kReferenceKernels, kTests);
}

TEST(FastBf16Dot, KeepsTheContracts) {
  // Other processors have one way alone to multiply bfloat16: nothing to choose.
  if (kernels::detected_cpu_isa() < kernels::CpuIsa::kAvx512Bf16)
    GTEST_SKIP() << "this processor has no bfloat16 instructions";
  expect_the_same_with(kFastBf16Dot, kTests);
}

INSTANTIATE_TEST_SUITE_P(Levels, EveryInstructionSet, instruction_sets(), name_of_level);

}  // namespace
}  // namespace weft::test
