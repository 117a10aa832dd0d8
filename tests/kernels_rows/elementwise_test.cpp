// Elementwise kernels: results are those of one float operation, exactly.
#include "kernels/elementwise/elementwise.h"

#include "helpers.h"

namespace weft::kernels::testing {
namespace {

const int64_t kLengths[] = {0, 1, 7, 8, 15, 16, 17, 100, 32767, 32768, 32785};

template <class T>
class Elementwise : public ::testing::Test {
 protected:
  // y[i] must be `f(a[i], b[i])` rounded once.
  template <class F>
  void expect_exact(Guarded<T>& y, const std::vector<T>& a, const std::vector<T>& b, F f) {
    for (size_t i = 0; i < a.size(); ++i) {
      const T expected = static_cast<T>(f(static_cast<float>(a[i]), static_cast<float>(b[i])));
      ASSERT_EQ(as_double(y[static_cast<int64_t>(i)]), as_double(expected)) << i;
    }
    EXPECT_TRUE(y.intact());
  }
};
TYPED_TEST_SUITE(Elementwise, ElementTypes);

TYPED_TEST(Elementwise, AddMultiplyAndScaleRoundOnce) {
  for_each_simd_target([&] {
    for (const int64_t n : kLengths) {
      const auto a = random_values<TypeParam>(n, 1), b = random_values<TypeParam>(n, 2);
      Guarded<TypeParam> sum(n), product(n), scaled(n), by_scalar(n);
      const float scalar = -3.0f;
      add({.a = a.data(), .b = b.data(), .y = sum.data(), .n = n}, SerialFor());
      multiply({.a = a.data(), .b = b.data(), .y = product.data(), .n = n}, SerialFor());
      scale({.x = a.data(), .y = scaled.data(), .n = n, .factor = 0.3f}, SerialFor());
      scale({.x = a.data(), .y = by_scalar.data(), .n = n, .factor = 0.5f, .scalar = &scalar},
            SerialFor());
      this->expect_exact(sum, a, b, [](float x, float y) { return x + y; });
      this->expect_exact(product, a, b, [](float x, float y) { return x * y; });
      this->expect_exact(scaled, a, b, [](float x, float) { return x * 0.3f; });
      this->expect_exact(by_scalar, a, b, [](float x, float) { return x * -1.5f; });
    }
  });
}

TYPED_TEST(Elementwise, AccumulateReadsItsFlag) {
  for_each_simd_target([] {
    for (const int64_t n : kLengths) {
      const auto x = random_values<TypeParam>(n, 1);
      const auto before = random_values<float>(n, 2);
      const float off = 0, on = 1;
      Guarded<float> fresh(n), off_too(before), added(before);
      accumulate({.x = x.data(), .sum = fresh.data(), .n = n}, SerialFor());
      accumulate({.x = x.data(), .sum = off_too.data(), .accumulate = &off, .n = n}, SerialFor());
      accumulate({.x = x.data(), .sum = added.data(), .accumulate = &on, .n = n}, SerialFor());
      for (int64_t i = 0; i < n; ++i) {
        const float value = static_cast<float>(x[static_cast<size_t>(i)]);
        ASSERT_EQ(fresh[i], value);
        ASSERT_EQ(off_too[i], value);
        ASSERT_EQ(added[i], before[static_cast<size_t>(i)] + value);
      }
      EXPECT_TRUE(fresh.intact() && off_too.intact() && added.intact());
    }
  });
}

TYPED_TEST(Elementwise, AddRowRepeatsTheRow) {
  for_each_simd_target([] {
    for (const int64_t C : {1, 5, 16, 37}) {
      const auto x = random_values<TypeParam>(3 * C, 1), row = random_values<TypeParam>(C, 2);
      Guarded<TypeParam> y(3 * C);
      add_row({.x_NC = x.data(), .row_C = row.data(), .y_NC = y.data(), .N = 3, .C = C},
              SerialFor());
      for (int64_t i = 0; i < 3 * C; ++i) {
        const float sum = static_cast<float>(x[static_cast<size_t>(i)]) +
                          static_cast<float>(row[static_cast<size_t>(i % C)]);
        ASSERT_EQ(as_double(y[i]), as_double(static_cast<TypeParam>(sum)));
      }
      EXPECT_TRUE(y.intact());
    }
  });
}

TYPED_TEST(Elementwise, NaNAndInfinityPassThrough) {
  for_each_simd_target([] {
    std::vector<TypeParam> a(20, TypeParam(1.0f)), b(20, TypeParam(2.0f));
    a[2] = TypeParam(kNaN);
    b[18] = TypeParam(kInfinity);
    Guarded<TypeParam> y(20);
    add({.a = a.data(), .b = b.data(), .y = y.data(), .n = 20}, SerialFor());
    EXPECT_TRUE(std::isnan(as_double(y[2])));
    EXPECT_EQ(as_double(y[18]), static_cast<double>(kInfinity));
    EXPECT_EQ(as_double(y[3]), 3.0);
  });
}

TYPED_TEST(Elementwise, ThreadsDoNotChangeBits) {
  const int64_t n = 200001;
  const auto a = random_values<TypeParam>(n, 1), b = random_values<TypeParam>(n, 2);
  expect_same_bits_for_all_threads([&](const ParallelFor& parallel) {
    Guarded<TypeParam> y(n);
    multiply({.a = a.data(), .b = b.data(), .y = y.data(), .n = n}, parallel);
    return y;
  });
}

}  // namespace
}  // namespace weft::kernels::testing
