// GemmPlan against a naive product in double: layouts, sizes around every tile edge, both element
// types, epilogues, leading dimensions, accumulation, and equal bits for every number of threads.
#include "kernels/gemm/gemm.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "kernel_testing.h"
#include "kernels/cpu_isa.h"

namespace weft::kernels {
namespace {

using testing::Guarded;
using testing::random_values;
using testing::ThreadsFor;

double activate(double z, std::optional<ActivationKind> activation) {
  if (!activation) return z;
  switch (*activation) {
    case ActivationKind::kRelu: return z > 0 ? z : 0;
    case ActivationKind::kGeluTanh:
      return 0.5 * z * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (z + 0.044715 * z * z * z)));
    case ActivationKind::kGelu: return 0.5 * z * (1 + std::erf(z / std::sqrt(2.0)));
    case ActivationKind::kSilu: return z / (1 + std::exp(-z));
    case ActivationKind::kTanh: return std::tanh(z);
  }
  return 0;
}

struct Case {
  GemmSpec spec;
  float alpha = 1.0f;
  bool accumulate = false;
  int threads = 1;

  int64_t columns_b() const { return spec.gated ? 2 * spec.n : spec.n; }
};

std::string describe(const Case& c) {
  const GemmSpec& s = c.spec;
  return std::to_string(s.m) + "x" + std::to_string(s.n) + "x" + std::to_string(s.k) + " " +
         std::string(name_of(s.input)) + "->" + std::string(name_of(s.output)) + " " +
         (s.trans_a ? "T" : "N") + (s.trans_b ? "T" : "N") + " activation " +
         std::to_string(s.activation ? static_cast<int>(*s.activation) : -1);
}

// Operands, and what one execution gave.
template <class In, class Out>
struct Run {
  Case c;
  GemmSpec s;  // with leading dimensions
  std::vector<In> a, b;
  std::vector<float> bias;
  std::vector<Out> residual, before;
  std::vector<Out> result, pre;
  bool intact = true;

  explicit Run(const Case& given) : c(given), s(given.spec) {
    if (s.lda == 0) s.lda = s.trans_a ? s.m : s.k;
    if (s.ldb == 0) s.ldb = s.trans_b ? s.k : c.columns_b();
    if (s.ldc == 0) s.ldc = s.n;
    a = random_values<In>(static_cast<size_t>((s.trans_a ? s.k : s.m) * s.lda), 1);
    b = random_values<In>(static_cast<size_t>((s.trans_b ? c.columns_b() : s.k) * s.ldb), 2);
    bias = random_values<float>(static_cast<size_t>(c.columns_b()), 3);
    residual = random_values<Out>(static_cast<size_t>(s.m * s.ldc), 4);
    before = random_values<Out>(static_cast<size_t>(s.m * s.ldc), 5);
    execute();
  }

  void execute() {
    const GemmPlan plan(c.spec, c.threads);
    EXPECT_EQ(plan.scratch_bytes(), GemmPlan::scratch_bytes(c.spec, c.threads));
    Guarded<Out> out(before.size()), saved(static_cast<size_t>(s.m * c.columns_b()));
    Guarded<unsigned char> scratch(plan.scratch_bytes());
    for (size_t i = 0; i < before.size() && c.accumulate; ++i) {
      const bool inside = static_cast<int64_t>(i) % s.ldc < s.n;
      if (inside) out[i] = before[i];
    }
    const GemmArgs args{.a = a.data(),
                        .b = b.data(),
                        .c = out.data(),
                        .bias = bias.data(),
                        .residual = residual.data(),
                        .pre_activation = saved.data(),
                        .alpha = c.alpha,
                        .accumulate = c.accumulate};
    plan.execute(args, scratch.data(), ThreadsFor(c.threads));
    intact = out.guards_intact() && saved.guards_intact() && scratch.guards_intact();
    for (size_t i = 0; i < out.size(); ++i) {
      const bool inside = static_cast<int64_t>(i) % s.ldc < s.n;
      if (!inside && !out.untouched(i)) intact = false;
    }
    result = out.copy();
    pre = saved.copy();
  }

  // alpha A B + bias at (row, column), and the sum of the products' sizes.
  void linear(int64_t row, int64_t column, double* value, double* size) const {
    const testing::Strided<In> of_a{a.data() + (s.trans_a ? row : row * s.lda),
                                    s.trans_a ? s.lda : 1};
    const testing::Strided<In> of_b{b.data() + (s.trans_b ? column * s.ldb : column),
                                    s.trans_b ? 1 : s.ldb};
    const testing::ProductSum sum = testing::product_sum(of_a, of_b, s.k);
    *value =
        c.alpha * sum.value + (s.bias ? static_cast<double>(bias[static_cast<size_t>(column)]) : 0);
    *size = std::abs(c.alpha) * sum.size + std::abs(*value);
  }

  void check_element(int64_t row, int64_t column) const {
    double z = 0, size = 0;
    linear(row, column, &z, &size);
    // k products summed in float in any order, then a handful of operations.
    const double unit = 0x1p-24, linear_bound = (static_cast<double>(s.k) + 8) * unit * size;
    // An activation takes what has been rounded to the output's type.
    const double rounding = s.activation ? 1.01 * testing::unit_roundoff<Out>() : 0.0;
    double expected = activate(z, s.activation),
           bound = 1.2 * (linear_bound + rounding * std::abs(z)) + 16 * unit * std::abs(z);
    if (s.gated) {
      double up = 0, up_size = 0;
      linear(row, column + s.n, &up, &up_size);
      const double up_bound =
          (static_cast<double>(s.k) + 8) * unit * up_size + rounding * std::abs(up);
      bound = bound * std::abs(up) + up_bound * std::abs(expected) + bound * up_bound;
      expected *= up;
    }
    const size_t at = static_cast<size_t>(row * s.ldc + column);
    if (s.residual) expected += testing::as_double(residual[at]);
    if (c.accumulate) expected += testing::as_double(before[at]);
    bound +=
        4 * unit * std::abs(expected) + 1.01 * testing::unit_roundoff<Out>() * std::abs(expected);
    const double error = std::abs(testing::as_double(result[at]) - expected);
    EXPECT_LE(error, bound) << describe(c) << " at " << row << ", " << column;
    if (s.save_pre_activation) {
      const double saved =
          testing::as_double(pre[static_cast<size_t>(row * c.columns_b() + column)]);
      EXPECT_LE(std::abs(saved - z),
                linear_bound + 1.01 * testing::unit_roundoff<Out>() * std::abs(z));
    }
  }

  // Every element of a small product; of a large one the edges and a grid.
  void check() const {
    EXPECT_TRUE(intact) << describe(c) << " wrote outside its output";
    const bool small = s.m * s.n * s.k <= 1 << 20;
    const auto chosen = [small](int64_t i, int64_t n, int64_t step) {
      return small || i < 2 || i >= n - 2 || i % step == 0;
    };
    for (int64_t row = 0; row < s.m; ++row) {
      for (int64_t column = 0; column < s.n; ++column) {
        if (chosen(row, s.m, 37) && chosen(column, s.n, 41)) check_element(row, column);
      }
    }
  }
};

void check_case(const Case& c) {
  const bool in_f32 = c.spec.input == DType::kF32, out_f32 = c.spec.output == DType::kF32;
  if (in_f32 && out_f32) Run<float, float>(c).check();
  if (in_f32 && !out_f32) Run<float, BFloat16>(c).check();
  if (!in_f32 && out_f32) Run<BFloat16, float>(c).check();
  if (!in_f32 && !out_f32) Run<BFloat16, BFloat16>(c).check();
}

void check_types(Case c) {
  for (const DType input : {DType::kF32, DType::kBF16}) {
    for (const DType output : {DType::kF32, DType::kBF16}) {
      c.spec.input = input;
      c.spec.output = output;
      check_case(c);
    }
  }
}

void check_layouts(Case c) {
  for (const bool trans_a : {false, true}) {
    for (const bool trans_b : {false, true}) {
      c.spec.trans_a = trans_a;
      c.spec.trans_b = trans_b;
      check_types(c);
    }
  }
}

TEST(Gemm, OneElement) {
  check_layouts({.spec = {.m = 1, .n = 1, .k = 1}});
}

TEST(Gemm, OddSizesInEveryLayout) {
  check_layouts({.spec = {.m = 13, .n = 29, .k = 37}});
}

TEST(Gemm, OneLongAndOneShortSide) {
  check_layouts({.spec = {.m = 1, .n = 300, .k = 5}});
  check_layouts({.spec = {.m = 300, .n = 1, .k = 5}});
  check_layouts({.spec = {.m = 3, .n = 2, .k = 1100}});
}

TEST(Gemm, RowsAroundTheTile) {
  for (const int64_t m : {4, 8, 9, 127, 128, 129, 257}) {
    check_types({.spec = {.m = m, .n = 17, .k = 33, .trans_b = true}});
  }
}

TEST(Gemm, ColumnsAroundTheTile) {
  for (const int64_t n : {255, 256, 257, 513}) {
    check_types({.spec = {.m = 9, .n = n, .k = 31}});
  }
}

TEST(Gemm, InnerSizesAroundTheBlock) {
  for (const int64_t k : {1023, 1024, 1025, 2049, 3100}) {
    check_layouts({.spec = {.m = 10, .n = 18, .k = k}});
  }
  check_layouts({.spec = {.m = 29, .n = 70, .k = 2100, .ldc = 75}});
}

TEST(Gemm, FewRowsInEveryLayout) {
  for (const int64_t m : {1, 2, 3, 4, 5, 6, 7, 8}) {
    check_layouts({.spec = {.m = m, .n = 259, .k = 67}, .alpha = 0.5f});
  }
}

// Of B that is not transposed, from 96 rows on: slices without and with rows that are left over, in
// one task or, for more threads than slices, in several.
TEST(Gemm, FewRowsInSlices) {
  for (const int64_t k : {95, 96, 97, 384, 500}) {
    check_types({.spec = {.m = 1, .n = 70, .k = k, .bias = true}});
    check_types({.spec = {.m = 5, .n = 200, .k = k}, .threads = 19});
  }
}

// Strips of rows, panels of columns, tiles and blocks of the products that need no oneDNN.
TEST(Gemm, PanelsAndStripsAroundTheirEdges) {
  for (const int64_t m : {9, 11, 12, 13, 191, 192, 193, 400}) {
    check_layouts({.spec = {.m = m, .n = 35, .k = 18, .bias = true}});
  }
  for (const int64_t n : {15, 16, 17, 31, 32, 33, 63, 64, 65, 200}) {
    check_layouts({.spec = {.m = 14, .n = n, .k = 19, .bias = true}});
  }
  for (const int64_t k : {15, 16, 17, 255, 256, 257, 513, 1024}) {
    check_layouts({.spec = {.m = 26, .n = 34, .k = k, .bias = true}});
    check_layouts({.spec = {.m = 49, .n = 64, .k = k}});
  }
  for (const int64_t lda : {256, 257}) {  // near enough, and too far, to be read as it lies
    check_types({.spec = {.m = 100, .n = 64, .k = 300, .trans_a = true, .lda = lda}});
  }
}

// More than one tile both ways, the last of each smaller: in either order of tiles.
TEST(Gemm, UnevenTilesInBothDirections) {
  check_layouts({.spec = {.m = 260, .n = 300, .k = 200}});
  check_layouts({.spec = {.m = 260, .n = 900, .k = 300}});
  // Several columns of tiles, and more rows of floats than are packed for all of them at once.
  check_types({.spec = {.m = 4200, .n = 70, .k = 510, .trans_a = true}, .threads = 16});
}

TEST(Gemm, PanelsAreChosenByShape) {
  const auto chosen = [](const GemmSpec& spec) {
    return std::string_view(GemmPlan(spec, 1).kernel_name());
  };
  EXPECT_EQ(chosen({.m = 768, .n = 4096, .k = 128}), "panels");
  EXPECT_EQ(chosen({.m = 768, .n = 4097, .k = 128}), "blocks");
  EXPECT_EQ(
      chosen({.m = 768, .n = 2048, .k = 128, .activation = ActivationKind::kSilu, .gated = true}),
      "panels");
  EXPECT_EQ(
      chosen({.m = 768, .n = 2049, .k = 128, .activation = ActivationKind::kSilu, .gated = true}),
      "blocks");
  EXPECT_EQ(chosen({.m = 9, .n = 3, .k = 1024}), "panels");
  EXPECT_EQ(chosen({.m = 9, .n = 3, .k = 1025}), "blocks");
  EXPECT_EQ(chosen({.m = 9, .n = 3, .k = 128, .trans_a = true}), "panels");
  EXPECT_EQ(chosen({.m = 1024, .n = 4096, .k = 1024}), "panels");
  EXPECT_EQ(chosen({.m = 1023, .n = 4096, .k = 1024}), "blocks");
  EXPECT_EQ(chosen({.m = 1024, .n = 4096, .k = 1024, .trans_a = true}), "blocks");
  EXPECT_EQ(chosen({.m = 1024, .n = 4097, .k = 1024}), "blocks");
  EXPECT_EQ(chosen({.m = 1024, .n = 9, .k = 4097}), "blocks");
  EXPECT_EQ(chosen({.m = 8, .n = 3, .k = 8}), "thin");
}

TEST(Gemm, LeadingDimensionsAboveTheSizes) {
  for (const int64_t m : {2, 40}) {
    check_types({.spec = {.m = m, .n = 30, .k = 20, .lda = 23, .ldb = 37, .ldc = 33}});
    check_types({.spec = {.m = m,
                          .n = 30,
                          .k = 20,
                          .trans_a = true,
                          .trans_b = true,
                          .lda = 43,
                          .ldb = 22,
                          .ldc = 31}});
  }
}

// What lies between rows, behind an odd last element above all, is nobody's business.
TEST(Gemm, GapsBetweenRowsAreNotRead) {
  for (const bool transposed : {false, true}) {
    const GemmSpec spec{.m = 14,
                        .n = 33,
                        .k = 21,
                        .trans_a = transposed,
                        .trans_b = transposed,
                        .lda = transposed ? 15 : 22,
                        .ldb = transposed ? 22 : 34,
                        .input = DType::kBF16};
    const BFloat16 one(1.0f), nan(std::nanf(""));
    std::vector<BFloat16> a(static_cast<size_t>(22 * 15), nan),
        b(static_cast<size_t>(34 * 33), nan);
    const auto fill = [&](std::vector<BFloat16>& matrix, int64_t rows, int64_t columns,
                          int64_t ld) {
      for (int64_t i = 0; i < rows * columns; ++i)
        matrix[static_cast<size_t>(i / columns * ld + i % columns)] = one;
    };
    fill(a, transposed ? 21 : 14, transposed ? 14 : 21, spec.lda);
    fill(b, transposed ? 33 : 21, transposed ? 21 : 33, spec.ldb);
    const GemmPlan plan(spec, 1);
    Guarded<unsigned char> scratch(plan.scratch_bytes());
    std::vector<float> c(14 * 33);
    plan.execute({.a = a.data(), .b = b.data(), .c = c.data()}, scratch.data(), SerialFor());
    for (const float sum : c) EXPECT_EQ(sum, 21.0f);
  }
}

TEST(Gemm, EveryActivationWithBiasResidualAndSavedSums) {
  const std::optional<ActivationKind> kinds[] = {
      std::nullopt,          ActivationKind::kRelu, ActivationKind::kGeluTanh,
      ActivationKind::kGelu, ActivationKind::kSilu, ActivationKind::kTanh};
  for (const auto& kind : kinds) {
    for (const bool gated : {false, true}) {
      if (gated && !kind) continue;
      for (const int64_t m : {3, 20}) {
        check_types({.spec = {.m = m,
                              .n = 270,
                              .k = 24,
                              .trans_b = true,
                              .bias = true,
                              .residual = true,
                              .save_pre_activation = true,
                              .activation = kind,
                              .gated = gated}});
      }
    }
  }
}

TEST(Gemm, SwiGluOfPlainWeights) {
  check_types(
      {.spec = {.m = 21, .n = 65, .k = 1100, .activation = ActivationKind::kSilu, .gated = true}});
}

TEST(Gemm, AccumulatesIntoFloat) {
  for (const int64_t m : {2, 150}) {
    check_case({.spec = {.m = m, .n = 70, .k = 40, .ldc = 72}, .alpha = -2.0f, .accumulate = true});
    check_case({.spec = {.m = m, .n = 70, .k = 1030, .trans_a = true, .input = DType::kBF16},
                .accumulate = true});
  }
}

TEST(Gemm, BiasInBfloat16) {
  const auto a = random_values<float>(20 * 8, 1), b = random_values<float>(8 * 300, 2);
  const auto bias = random_values<BFloat16>(300, 3);
  const GemmPlan plan({.m = 20, .n = 300, .k = 8, .bias_dtype = DType::kBF16, .bias = true}, 1);
  Guarded<float> c(20 * 300);
  Guarded<unsigned char> scratch(plan.scratch_bytes());
  plan.execute({.a = a.data(), .b = b.data(), .c = c.data(), .bias = bias.data()}, scratch.data(),
               SerialFor());
  double expected = testing::as_double(bias[299]);
  for (size_t k = 0; k < 8; ++k) {
    expected += static_cast<double>(a[19 * 8 + k]) * static_cast<double>(b[k * 300 + 299]);
  }
  EXPECT_LE(std::abs(static_cast<double>(c[20 * 300 - 1]) - expected), 1e-5);
}

TEST(Gemm, ResidualMayBeTheOutput) {
  const auto a = random_values<float>(140 * 30, 1), b = random_values<float>(30 * 50, 2);
  const GemmPlan plan({.m = 140, .n = 50, .k = 30, .residual = true}, 1);
  Guarded<unsigned char> scratch(plan.scratch_bytes());
  std::vector<float> apart(140 * 50), x = random_values<float>(140 * 50, 3);
  GemmArgs args{.a = a.data(), .b = b.data(), .c = apart.data(), .residual = x.data()};
  plan.execute(args, scratch.data(), SerialFor());
  args.c = x.data();
  plan.execute(args, scratch.data(), SerialFor());
  EXPECT_TRUE(testing::same_bits(apart, x));
}

// Tiles, not threads, fix the order of every sum.
template <class In>
void expect_same_bits_for_threads(Case c) {
  c.spec.input = kDTypeOf<In>;
  const Run<In, float> one(c);
  for (const int threads : {2, 3, 20}) {
    c.threads = threads;
    EXPECT_TRUE(testing::same_bits(one.result, Run<In, float>(c).result)) << threads << " threads";
  }
}

TEST(Gemm, SameBitsForEveryNumberOfThreads) {
  for (const bool trans_a : {false, true}) {
    const Case c{.spec = {.m = 300, .n = 700, .k = 1500, .trans_a = trans_a, .trans_b = !trans_a}};
    expect_same_bits_for_threads<float>(c);
    expect_same_bits_for_threads<BFloat16>(c);
    const Case small{
        .spec = {.m = 300, .n = 120, .k = 190, .trans_a = trans_a, .trans_b = !trans_a}};
    expect_same_bits_for_threads<float>(small);
    expect_same_bits_for_threads<BFloat16>(small);
  }
  for (const int64_t n : {200, 16400}) {  // in slices, and in tiles
    const Case few{.spec = {.m = 3, .n = n, .k = 500}};
    expect_same_bits_for_threads<float>(few);
    expect_same_bits_for_threads<BFloat16>(few);
  }
}

TEST(Gemm, NanInOneRowStaysThere) {
  std::vector<float> a(6 * 4, 1.0f), b(4 * 5, 1.0f), c(6 * 5);
  a[2 * 4 + 1] = std::nanf("");
  const GemmPlan plan({.m = 6, .n = 5, .k = 4, .activation = ActivationKind::kRelu}, 1);
  Guarded<unsigned char> scratch(plan.scratch_bytes());
  plan.execute({.a = a.data(), .b = b.data(), .c = c.data()}, scratch.data(), SerialFor());
  for (size_t i = 0; i < c.size(); ++i) EXPECT_EQ(std::isnan(c[i]), i / 5 == 2) << i;
}

TEST(CpuIsa, NamesAreReadBack) {
  for (const std::string_view name : {"baseline", "avx2", "avx512", "avx512_bf16", "amx"}) {
    ASSERT_TRUE(cpu_isa_from(name).has_value()) << name;
    EXPECT_EQ(name_of(*cpu_isa_from(name)), name);
  }
  EXPECT_FALSE(cpu_isa_from("sse2").has_value());
  EXPECT_LE(cpu_isa(), detected_cpu_isa());
}

}  // namespace
}  // namespace weft::kernels
