// Sums over the last axis, over rows and over everything, and their gradients.
#include "kernels/reduction/reduction.h"

#include "helpers.h"

namespace weft::kernels::testing {
namespace {

struct Sizes {
  int64_t N, C;
};
const Sizes kSizes[] = {{0, 3},   {1, 1},    {3, 7},    {2, 16},   {16, 17},
                        {17, 64}, {130, 65}, {2000, 5}, {1, 70000}};

template <class T>
class Reduction : public ::testing::Test {};
TYPED_TEST_SUITE(Reduction, ElementTypes);

TYPED_TEST(Reduction, SumLastScales) {
  for_each_simd_target([] {
    for (const Sizes s : kSizes) {
      const auto x = random_values<TypeParam>(s.N * s.C, 1);
      Guarded<float> y(s.N);
      sum_last({.x_NC = x.data(), .y_N = y.data(), .N = s.N, .C = s.C, .scale = 0.5f}, SerialFor());
      std::vector<double> expected(static_cast<size_t>(s.N));
      for (size_t i = 0; i < x.size(); ++i) {
        expected[i / static_cast<size_t>(s.C)] += 0.5 * as_double(x[i]);
      }
      expect_close(y.values(), expected, tolerance<float>(s.C), "y",
                   std::sqrt(static_cast<double>(s.C)));
      EXPECT_TRUE(y.intact());
    }
  });
}

TYPED_TEST(Reduction, SumAllIsCloseToFloat64) {
  for_each_simd_target([] {
    for (const int64_t n : {0, 1, 15, 4096, 32768, 100001}) {
      const auto x = random_values<TypeParam>(n, 1);
      Guarded<double> workspace(sum_all_workspace(n) / 8);
      Guarded<float> y(1);
      sum_all({.x = x.data(), .y = y.data(), .workspace = workspace.data(), .n = n, .scale = 2.0f},
              SerialFor());
      double expected = 0;
      for (const TypeParam v : x) expected += 2.0 * as_double(v);
      expect_close(y.values(), {expected}, tolerance<float>(512), "sum",
                   std::sqrt(static_cast<double>(n)));
      EXPECT_TRUE(y.intact() && workspace.intact());
    }
  });
}

TYPED_TEST(Reduction, SumRowsAddsWhereTheFlagSaysSo) {
  for_each_simd_target([] {
    for (const Sizes s : kSizes) {
      for (const float accumulate : {0.0f, 1.0f}) {
        const auto x = random_values<TypeParam>(s.N * s.C, 1);
        const auto before = random_values<float>(s.C, 2);
        Guarded<float> out(before), workspace(sum_rows_workspace(s.N, s.C) / 4);
        sum_rows({.x_NC = x.data(),
                  .out_C = out.data(),
                  .accumulate = &accumulate,
                  .workspace = workspace.data(),
                  .N = s.N,
                  .C = s.C},
                 SerialFor());
        std::vector<double> expected;
        for (const float b : before) expected.push_back(static_cast<double>(accumulate * b));
        for (size_t i = 0; i < x.size(); ++i) {
          expected[i % static_cast<size_t>(s.C)] += as_double(x[i]);
        }
        expect_close(out.values(), expected, tolerance<float>(s.N), "sum", 1.0);
        EXPECT_TRUE(out.intact() && workspace.intact());
      }
    }
  });
}

TYPED_TEST(Reduction, ExpandRepeatsEachRowsNumber) {
  for_each_simd_target([] {
    for (const Sizes s : kSizes) {
      const auto g = random_values<float>(s.N, 1);
      Guarded<TypeParam> y(s.N * s.C);
      expect_same_bits_for_all_threads([&](const ParallelFor& parallel) {
        expand_last(
            ExpandLast<TypeParam>{
                .g_N = g.data(), .y_NC = y.data(), .N = s.N, .C = s.C, .scale = 0.25f},
            parallel);
        return y;
      });
      for (int64_t i = 0; i < s.N * s.C; ++i) {
        const float expected = 0.25f * g[static_cast<size_t>(i / s.C)];
        ASSERT_EQ(as_double(y[i]), as_double(static_cast<TypeParam>(expected)));
      }
      EXPECT_TRUE(y.intact());
    }
  });
}

template <class T>
struct Outputs {
  Guarded<float> all, rows;
  bool operator==(const Outputs&) const = default;
};

TYPED_TEST(Reduction, ThreadsDoNotChangeBits) {
  const int64_t N = 3001, C = 67;
  const auto x = random_values<TypeParam>(N * C, 1);
  expect_same_bits_for_all_threads([&](const ParallelFor& parallel) {
    Outputs<TypeParam> o{Guarded<float>(1), Guarded<float>(C)};
    Guarded<double> all_workspace(sum_all_workspace(N * C) / 8);
    Guarded<float> rows_workspace(sum_rows_workspace(N, C) / 4);
    sum_all({.x = x.data(), .y = o.all.data(), .workspace = all_workspace.data(), .n = N * C},
            parallel);
    sum_rows({.x_NC = x.data(),
              .out_C = o.rows.data(),
              .workspace = rows_workspace.data(),
              .N = N,
              .C = C},
             parallel);
    return o;
  });
}

TYPED_TEST(Reduction, NaNReachesTheSums) {
  for_each_simd_target([] {
    std::vector<TypeParam> x(3 * 21, TypeParam(1.0f));
    x[41] = TypeParam(kNaN);  // the last element of row 1
    std::vector<float> y(3), columns(21), workspace(21);
    std::vector<double> tiles(1);
    float total = 0;
    sum_last({.x_NC = x.data(), .y_N = y.data(), .N = 3, .C = 21}, SerialFor());
    sum_all({.x = x.data(), .y = &total, .workspace = tiles.data(), .n = 63}, SerialFor());
    sum_rows(
        {.x_NC = x.data(), .out_C = columns.data(), .workspace = workspace.data(), .N = 3, .C = 21},
        SerialFor());
    EXPECT_TRUE(std::isnan(y[1]) && !std::isnan(y[0]) && !std::isnan(y[2]));
    EXPECT_TRUE(std::isnan(total));
    EXPECT_TRUE(std::isnan(columns[20]) && !std::isnan(columns[19]));
  });
}

}  // namespace
}  // namespace weft::kernels::testing
