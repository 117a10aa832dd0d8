// The reference kernels' matrix products: taken when they are chosen, and equal to a sum from the
// first product to the last, bit for bit.
#include <gtest/gtest.h>

#include <vector>

#include "kernel_testing.h"
#include "kernels/gemm/gemm.h"
#include "weft/kernel_choice.h"

namespace weft::kernels {
namespace {

using testing::random_values;
using testing::ThreadsFor;

class PlainProduct : public ::testing::Test {
 protected:
  PlainProduct() { choose_kernels(KernelChoice::kReference); }
  ~PlainProduct() override { choose_kernels(KernelChoice::kAuto); }
};

TEST_F(PlainProduct, IsTakenForEveryShapeAndType) {
  for (const DType input : {DType::kF32, DType::kBF16}) {
    for (const int64_t m : {1, 4, 5, 300}) {
      for (const bool trans_b : {false, true}) {
        const GemmSpec spec{.m = m, .n = 70, .k = 40, .trans_b = trans_b, .input = input};
        EXPECT_STREQ(GemmPlan(spec, 1).kernel_name(), "plain");
      }
    }
  }
  choose_kernels(KernelChoice::kAuto);
  EXPECT_STRNE(GemmPlan({.m = 300, .n = 70, .k = 40}, 1).kernel_name(), "plain");
}

template <class T>
void expect_sums_in_order(GemmSpec spec) {
  const size_t m = static_cast<size_t>(spec.m), n = static_cast<size_t>(spec.n);
  const size_t k = static_cast<size_t>(spec.k);
  const auto a = random_values<T>(m * k, 1), b = random_values<T>(k * n, 2);
  const GemmPlan plan(spec, 2);
  std::vector<std::byte> memory(plan.scratch_bytes() + 64);
  auto* scratch =
      reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
  std::vector<float> c(m * n);
  plan.execute({.a = a.data(), .b = b.data(), .c = c.data()}, scratch, ThreadsFor(2));
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) {
      volatile float sum = 0;  // kept from being widened, fused or reordered
      for (size_t p = 0; p < k; ++p) {
        const volatile float product = static_cast<float>(a[spec.trans_a ? p * m + i : i * k + p]) *
                                       static_cast<float>(b[spec.trans_b ? j * k + p : p * n + j]);
        sum = sum + product;
      }
      ASSERT_EQ(c[i * n + j], sum) << i << ", " << j << " of " << m << "x" << n << "x" << k;
    }
  }
}

TEST_F(PlainProduct, SumsFromTheFirstProductToTheLast) {
  for (const bool trans_a : {false, true}) {
    for (const bool trans_b : {false, true}) {
      for (const int64_t k : {1, 31, 32, 33, 100}) {
        GemmSpec spec{.m = 9, .n = 67, .k = k, .trans_a = trans_a, .trans_b = trans_b};
        expect_sums_in_order<float>(spec);
        spec.input = DType::kBF16;
        expect_sums_in_order<BFloat16>(spec);
      }
    }
  }
  expect_sums_in_order<float>({.m = 200, .n = 300, .k = 64});
}

}  // namespace
}  // namespace weft::kernels
