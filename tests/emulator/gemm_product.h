// What the tests of emulated matrix products share: operands and results of one product, and the
// naive one in double that it is compared with.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "emulated.h"
#include "kernels/gemm/gemm_cuda.h"
#include "tests/kernels_rows/helpers.h"

namespace weft::emulator::testing {

using kernels::ActivationKind;
using kernels::GemmArgs;
using kernels::GemmSpec;
using kernels::testing::as_double;
using kernels::testing::product_sum;
using kernels::testing::random_values;
using kernels::testing::Strided;

inline double activate(double z, ActivationKind kind) {
  switch (kind) {
    case ActivationKind::kRelu: return z > 0 ? z : 0;
    case ActivationKind::kGelu: return 0.5 * z * (1 + std::erf(z / std::sqrt(2.0)));
    case ActivationKind::kGeluTanh:
      return 0.5 * z * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (z + 0.044715 * z * z * z)));
    case ActivationKind::kSilu: return z / (1 + std::exp(-z));
    case ActivationKind::kTanh: return std::tanh(z);
  }
  return 0;
}

// Operands and results of one product; In and Out are its element types.
template <class In, class Out>
struct Product {
  GemmSpec s;
  float alpha;
  bool accumulate;
  int64_t lda, ldb, ldc, columns_b;
  std::vector<Out> before;
  DeviceArray<In> a, b;
  DeviceArray<float> bias;
  DeviceArray<Out> residual, c, pre;

  explicit Product(const GemmSpec& spec, float with_alpha = 1.0f, bool add = false)
      : s(spec),
        alpha(with_alpha),
        accumulate(add),
        lda(s.lda != 0  ? s.lda
            : s.trans_a ? s.m
                        : s.k),
        ldb(s.ldb != 0  ? s.ldb
            : s.trans_b ? s.k
            : s.gated   ? 2 * s.n
                        : s.n),
        ldc(s.ldc != 0 ? s.ldc : s.n),
        columns_b(s.gated ? 2 * s.n : s.n),
        before(random_values<Out>(s.m * ldc, 5)),
        a(random_values<In>((s.trans_a ? s.k : s.m) * lda, 1, 1.0f), "a"),
        b(random_values<In>((s.trans_b ? columns_b : s.k) * ldb, 2, 1.0f), "b"),
        bias(random_values<float>(columns_b, 3), "bias"),
        residual(random_values<Out>(s.m * ldc, 4), "residual"),
        c(before, "c"),
        pre(s.m * columns_b, "pre_activation") {
    const GemmArgs args{.a = a.data(),
                        .b = b.data(),
                        .c = c.data(),
                        .bias = bias.data(),
                        .residual = residual.data(),
                        .pre_activation = pre.data(),
                        .alpha = alpha,
                        .accumulate = accumulate};
    gemm(cuda::Stream{}, s, args);
  }

  double linear(int64_t row, int64_t column) const {
    const Strided<In> of_a{a.values().data() + (s.trans_a ? row : row * lda), s.trans_a ? lda : 1};
    const Strided<In> of_b{b.values().data() + (s.trans_b ? column * ldb : column),
                           s.trans_b ? 1 : ldb};
    const double sum = product_sum(of_a, of_b, s.k).value * static_cast<double>(alpha);
    return s.bias ? sum + as_double(bias.values()[static_cast<size_t>(column)]) : sum;
  }

  double expected(int64_t row, int64_t column) const {
    const size_t at = static_cast<size_t>(row * ldc + column);
    double y = linear(row, column);
    if (s.activation) y = activate(y, *s.activation);
    if (s.gated) y *= linear(row, column + s.n);
    if (s.residual) y += as_double(residual.values()[at]);
    if (accumulate) y += as_double(before[at]);
    return y;
  }

  std::string bits() const { return c.bits() + pre.bits(); }
};

// Each result is rounded to Out once or twice; a sum of k products in float errs by its length.
template <class In, class Out>
void expect_matches(const Product<In, Out>& p) {
  const double storage = std::is_same_v<Out, BFloat16> ? 0x1p-7 : 0x1p-21;
  const double allowed = storage + 0x1p-22 * static_cast<double>(p.s.k);
  for (int64_t row = 0; row < p.s.m; ++row) {
    for (int64_t column = 0; column < p.ldc; ++column) {
      const size_t at = static_cast<size_t>(row * p.ldc + column);
      const double got = as_double(p.c.values()[at]);
      if (column >= p.s.n) {
        ASSERT_EQ(got, as_double(p.before[at])) << "outside, at " << row << "," << column;
        continue;
      }
      const double want = p.expected(row, column);
      const double size = std::sqrt(static_cast<double>(p.s.k)) + std::abs(want);
      ASSERT_LE(std::abs(got - want), allowed * size) << "at " << row << "," << column;
      if (!p.s.save_pre_activation) continue;
      const double z = as_double(p.pre.values()[static_cast<size_t>(row * p.columns_b + column)]);
      ASSERT_LE(std::abs(z - p.linear(row, column)), allowed * size);
    }
  }
}

inline GemmSpec spec_of(int64_t m, int64_t n, int64_t k, DType input, DType output) {
  return {.m = m, .n = n, .k = k, .input = input, .output = output};
}

}  // namespace weft::emulator::testing
