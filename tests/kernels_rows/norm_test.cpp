// LayerNorm and RMSNorm against float64, on widths around vectors and rows around tiles.
#include <algorithm>

#include "kernels/norm/norm.h"

#include "helpers.h"

namespace weft::kernels::testing {
namespace {

struct Sizes {
  int64_t N, C;
};
const Sizes kSizes[] = {{1, 1},  {1, 7},   {2, 8},    {3, 15},  {3, 16},   {2, 17},
                        {5, 64}, {17, 65}, {40, 100}, {16, 33}, {1100, 3}, {2, 768}};

template <class T>
struct Case {
  bool centered;  // LayerNorm, otherwise RMSNorm
  bool residual;
  Sizes s;
  std::vector<T> x = random_values<T>(s.N * s.C, 1), r = random_values<T>(s.N * s.C, 2);
  std::vector<T> dy = random_values<T>(s.N * s.C, 3), dsum = random_values<T>(s.N * s.C, 4);
  std::vector<float> scale = random_values<float>(s.C, 5), bias = random_values<float>(s.C, 6);
  std::vector<float> before = random_values<float>(s.C, 7);
};

template <class T>
struct Outputs {
  Guarded<T> sum, y, dx;
  Guarded<float> mean, rstd, dscale, dbias;
  bool operator==(const Outputs&) const = default;
  bool intact() const {
    return sum.intact() && y.intact() && dx.intact() && mean.intact() && rstd.intact() &&
           dscale.intact() && dbias.intact();
  }
};

template <class T>
void forward(Case<T>& c, Outputs<T>& o, const ParallelFor& parallel) {
  const NormForward<T> args{.x_NC = c.x.data(),
                            .residual_NC = c.residual ? c.r.data() : nullptr,
                            .scale_C = c.scale.data(),
                            .bias_C = c.centered ? c.bias.data() : nullptr,
                            .sum_NC = c.residual ? o.sum.data() : nullptr,
                            .y_NC = o.y.data(),
                            .mean_N = c.centered ? o.mean.data() : nullptr,
                            .rstd_N = o.rstd.data(),
                            .N = c.s.N,
                            .C = c.s.C,
                            .eps = 1e-5f};
  if (c.centered) layer_norm_forward(args, parallel);
  else rms_norm_forward(args, parallel);
}

template <class T>
void backward(Case<T>& c, Outputs<T>& o, const float* accumulate, const ParallelFor& parallel) {
  Guarded<float> workspace(norm_backward_workspace(c.s.N, c.s.C) / 4);
  const NormBackward<T> args{.dy_NC = c.dy.data(),
                             .x_NC = c.residual ? o.sum.data() : c.x.data(),
                             .scale_C = c.scale.data(),
                             .mean_N = c.centered ? o.mean.data() : nullptr,
                             .rstd_N = o.rstd.data(),
                             .dsum_NC = c.residual ? c.dsum.data() : nullptr,
                             .dx_NC = o.dx.data(),
                             .dscale_C = o.dscale.data(),
                             .dbias_C = c.centered ? o.dbias.data() : nullptr,
                             .accumulate_dscale = accumulate,
                             .accumulate_dbias = accumulate,
                             .workspace = workspace.data(),
                             .N = c.s.N,
                             .C = c.s.C};
  if (c.centered) layer_norm_backward(args, parallel);
  else rms_norm_backward(args, parallel);
  EXPECT_TRUE(workspace.intact());
}

template <class T>
Outputs<T> run(Case<T>& c, const float* accumulate, const ParallelFor& parallel) {
  const int64_t n = c.s.N * c.s.C;
  Outputs<T> o{Guarded<T>(n),           Guarded<T>(n),         Guarded<T>(n),
               Guarded<float>(c.s.N),   Guarded<float>(c.s.N), Guarded<float>(c.before),
               Guarded<float>(c.before)};
  forward(c, o, parallel);
  backward(c, o, accumulate, parallel);
  EXPECT_TRUE(o.intact());
  return o;
}

struct Reference {
  std::vector<double> sum, y, dx, mean, rstd, dscale, dbias;
};

template <class T>
void reference_row(const Case<T>& c, int64_t n, Reference& f) {
  const int64_t C = c.s.C;
  const double width = static_cast<double>(C);
  const auto at = [&](int64_t i) { return static_cast<size_t>(n * C + i); };
  double mean = 0, squares = 0, g_sum = 0, gx_sum = 0;
  for (int64_t i = 0; i < C; ++i) {
    const T x =
        c.residual ? static_cast<T>(static_cast<float>(c.x[at(i)]) + static_cast<float>(c.r[at(i)]))
                   : c.x[at(i)];
    f.sum[at(i)] = as_double(x);
    mean += as_double(x) / width;
  }
  if (!c.centered) mean = 0;
  for (int64_t i = 0; i < C; ++i) squares += std::pow(f.sum[at(i)] - mean, 2) / width;
  const double rstd = 1 / std::sqrt(squares + 1e-5f);
  for (size_t i = 0; i < static_cast<size_t>(C); ++i) {
    const size_t j = at(static_cast<int64_t>(i));
    const double unit = (f.sum[j] - mean) * rstd, dy = as_double(c.dy[j]);
    f.y[j] = unit * static_cast<double>(c.scale[i]) + (c.centered ? as_double(c.bias[i]) : 0.0);
    f.dscale[i] += dy * unit;
    f.dbias[i] += dy;
    g_sum += dy * as_double(c.scale[i]) / width;
    gx_sum += dy * as_double(c.scale[i]) * unit / width;
  }
  for (size_t i = 0; i < static_cast<size_t>(C); ++i) {
    const size_t j = at(static_cast<int64_t>(i));
    const double unit = (f.sum[j] - mean) * rstd, g = as_double(c.dy[j]) * as_double(c.scale[i]);
    f.dx[j] = rstd * (g - (c.centered ? g_sum : 0.0) - unit * gx_sum) +
              (c.residual ? as_double(c.dsum[j]) : 0.0);
  }
  f.mean[static_cast<size_t>(n)] = mean;
  f.rstd[static_cast<size_t>(n)] = rstd;
}

template <class T>
Reference reference(const Case<T>& c, bool accumulate) {
  const size_t n = c.x.size(), C = c.scale.size(), N = static_cast<size_t>(c.s.N);
  Reference f{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n),
              std::vector<double>(N), std::vector<double>(N), std::vector<double>(C),
              std::vector<double>(C)};
  for (size_t i = 0; accumulate && i < C; ++i) {
    f.dscale[i] = f.dbias[i] = as_double(c.before[i]);
  }
  for (int64_t row = 0; row < c.s.N; ++row) reference_row(c, row, f);
  return f;
}

template <class T>
void expect_matches(Case<T>& c, bool accumulate) {
  const float flag = accumulate ? 1.0f : 0.0f;
  Outputs<T> o = run(c, &flag, SerialFor());
  const Reference f = reference(c, accumulate);
  // Where a row's elements are close to each other its statistics amplify rounding errors.
  double amplify = 1;
  for (const double r : f.rstd) amplify = std::max(amplify, r);
  if (c.residual) expect_close(o.sum.values(), f.sum, 0, "sum");
  if (c.centered) expect_close(o.mean.values(), f.mean, tolerance<float>(c.s.C), "mean");
  expect_close(o.rstd.values(), f.rstd, amplify * tolerance<float>(c.s.C), "rstd");
  expect_close(o.y.values(), f.y, amplify * tolerance<T>(c.s.C), "y");
  expect_close(o.dx.values(), f.dx, amplify * tolerance<T>(c.s.C), "dx", 1.0);
  expect_close(o.dscale.values(), f.dscale, amplify * tolerance<float>(c.s.N), "dscale");
  if (c.centered) expect_close(o.dbias.values(), f.dbias, tolerance<float>(c.s.N), "dbias");
}

template <class T>
class Norm : public ::testing::Test {};
TYPED_TEST_SUITE(Norm, ElementTypes);

TYPED_TEST(Norm, MatchesFloat64OnAllSizes) {
  for_each_simd_target([&] {
    for (const Sizes s : kSizes) {
      for (const bool centered : {true, false}) {
        for (const bool residual : {true, false}) {
          SCOPED_TRACE(::testing::Message() << s.N << "x" << s.C << (centered ? " layer" : " rms")
                                            << (residual ? " + residual" : ""));
          Case<TypeParam> c{.centered = centered, .residual = residual, .s = s};
          expect_matches(c, residual);
        }
      }
    }
  });
}

TYPED_TEST(Norm, ThreadsDoNotChangeBits) {
  for (const Sizes s : {Sizes{1, 1}, {300, 37}, {2000, 64}}) {
    for (const bool centered : {true, false}) {
      Case<TypeParam> c{.centered = centered, .residual = true, .s = s};
      const float accumulate = 1;
      expect_same_bits_for_all_threads(
          [&](const ParallelFor& parallel) { return run(c, &accumulate, parallel); });
    }
  }
}

TYPED_TEST(Norm, NaNReachesItsRowAndTheColumnSumsOnly) {
  for (const bool centered : {true, false}) {
    Case<TypeParam> c{.centered = centered, .residual = false, .s = {3, 19}};
    c.x[19 + 18] = static_cast<TypeParam>(kNaN);
    for_each_simd_target([&] {
      Outputs<TypeParam> o = run(c, nullptr, SerialFor());
      for (int64_t i = 0; i < 3 * 19; ++i) {
        EXPECT_EQ(std::isnan(as_double(o.y[i])), i / 19 == 1) << i;
        EXPECT_EQ(std::isnan(as_double(o.dx[i])), i / 19 == 1) << i;
      }
      EXPECT_TRUE(std::isnan(o.dscale[0]));
    });
  }
}

TYPED_TEST(Norm, WorksInPlaceAndWithoutScale) {
  Case<TypeParam> c{.centered = false, .residual = true, .s = {5, 21}};
  c.scale.assign(21, 1.0f);
  const float accumulate = 0;
  Outputs<TypeParam> o = run(c, &accumulate, SerialFor());
  std::vector<TypeParam> sum = c.x, y = c.x, dx = c.dy;
  std::vector<float> rstd(5);
  rms_norm_forward(NormForward<TypeParam>{.x_NC = sum.data(),
                                          .residual_NC = c.r.data(),
                                          .sum_NC = sum.data(),
                                          .y_NC = y.data(),
                                          .rstd_N = rstd.data(),
                                          .N = 5,
                                          .C = 21,
                                          .eps = 1e-5f},
                   SerialFor());
  rms_norm_backward(NormBackward<TypeParam>{.dy_NC = dx.data(),
                                            .x_NC = sum.data(),
                                            .rstd_N = rstd.data(),
                                            .dsum_NC = c.dsum.data(),
                                            .dx_NC = dx.data(),
                                            .N = 5,
                                            .C = 21},
                    SerialFor());
  for (int64_t i = 0; i < 5 * 21; ++i) {
    EXPECT_EQ(as_double(y[static_cast<size_t>(i)]), as_double(o.y[i]));
    EXPECT_EQ(as_double(dx[static_cast<size_t>(i)]), as_double(o.dx[i]));
  }
}

TYPED_TEST(Norm, NoRowsIsNothing) {
  Case<TypeParam> c{.centered = true, .residual = true, .s = {0, 4}};
  const float overwrite = 0;
  Outputs<TypeParam> o = run(c, &overwrite, SerialFor());
  EXPECT_EQ(o.dscale[3], 0.0f);
}

}  // namespace
}  // namespace weft::kernels::testing
