// A test program that runs some of its own tests again under another setting of the kernels. Such a
// setting holds for a whole process (oneDNN takes it only before its first use), so each is a
// process of its own.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "kernels/cpu_isa.h"
#include "weft/kernel_choice.h"

namespace weft::test {

// The setting of the reference kernels; those of instruction sets are WEFT_MAX_ISA's.
inline constexpr const char* kReferenceKernels = "WEFT_TEST_REFERENCE=1";

// What is chosen on processors whose bfloat16 instructions are faster than those for float.
inline constexpr const char* kFastBf16Dot = "WEFT_TEST_FAST_BF16_DOT=1";

// In such a process: before the first test.
[[maybe_unused]] inline const bool kChosen = [] {
  if (std::getenv("WEFT_TEST_FAST_BF16_DOT") != nullptr) kernels::assume_fast_bf16_dot();
  if (std::getenv("WEFT_TEST_REFERENCE") != nullptr) choose_kernels(KernelChoice::kReference);
  return true;
}();

// Runs the tests that `filter` names with `environment` set; returns what they said.
inline std::string expect_the_same_with(const std::string& environment, const std::string& filter) {
  const std::string command = environment + " '" +
                              std::filesystem::read_symlink("/proc/self/exe").string() +
                              "' --gtest_filter='" + filter + "' --gtest_brief=1 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    ADD_FAILURE() << "cannot start " << command;
    return "";
  }
  std::string output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
  const int status = pclose(pipe);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << output;
  EXPECT_EQ(output.find("PASSED  ] 0 tests"), std::string::npos) << output;
  return output;
}

// Every level of instructions; a test of one that the processor lacks is skipped.
inline auto instruction_sets() {
  using kernels::CpuIsa;
  return testing::Values(CpuIsa::kBaseline, CpuIsa::kAvx2, CpuIsa::kAvx512, CpuIsa::kAvx512Bf16,
                         CpuIsa::kAmx);
}
inline std::string name_of_level(const testing::TestParamInfo<kernels::CpuIsa>& test) {
  return std::string(name_of(test.param));
}

}  // namespace weft::test
