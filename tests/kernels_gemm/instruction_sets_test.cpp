// Matrix products again where bfloat16 is multiplied as such, whatever this processor would choose.
#include "tests/core/run_again.h"

namespace weft::test {
namespace {

TEST(FastBf16Dot, GivesTheSameProducts) {
  // Other processors have one way alone to multiply bfloat16: nothing to choose.
  if (kernels::detected_cpu_isa() < kernels::CpuIsa::kAvx512Bf16)
    GTEST_SKIP() << "this processor has no bfloat16 instructions";
  expect_the_same_with(kFastBf16Dot, "Gemm.*-*AreChosenByShape*");
}

}  // namespace
}  // namespace weft::test
