// Every operator's contract again on every path of instructions that this machine has. A limit
// holds for a whole process (oneDNN takes it only before its first use), so each is a process of
// its own: this program, with WEFT_MAX_ISA set. The same for the reference kernels.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "kernels/cpu_isa.h"
#include "weft/kernel_choice.h"

namespace weft::test {
namespace {

using kernels::CpuIsa;

// This program again, with `environment` set, on its own tests.
void expect_the_same_with(const std::string& environment) {
  const std::string command = environment + " '" +
                              std::filesystem::read_symlink("/proc/self/exe").string() +
                              "' --gtest_filter='Operators/*' --gtest_brief=1 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
  const int status = pclose(pipe);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << output;
  EXPECT_EQ(output.find("PASSED  ] 0 tests"), std::string::npos) << output;
}

// In such a process: before the first test.
[[maybe_unused]] const bool kChosen = [] {
  if (std::getenv("WEFT_TEST_REFERENCE") != nullptr) choose_kernels(KernelChoice::kReference);
  return true;
}();

class EveryInstructionSet : public testing::TestWithParam<CpuIsa> {};

TEST_P(EveryInstructionSet, KeepsTheContracts) {
  // A path that the processor cannot run.
  if (kernels::detected_cpu_isa() < GetParam())
    GTEST_SKIP() << "this processor has no " << name_of(GetParam());
  expect_the_same_with("WEFT_MAX_ISA=" + std::string(name_of(GetParam())));
}

TEST(ReferenceKernels, KeepsTheContracts) {
  expect_the_same_with("WEFT_TEST_REFERENCE=1");
}

INSTANTIATE_TEST_SUITE_P(Levels, EveryInstructionSet,
                         testing::Values(CpuIsa::kBaseline, CpuIsa::kAvx2, CpuIsa::kAvx512,
                                         CpuIsa::kAvx512Bf16, CpuIsa::kAmx),
                         [](const auto& test) { return std::string(name_of(test.param)); });

}  // namespace
}  // namespace weft::test
