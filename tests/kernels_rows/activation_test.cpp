// Activations and their gradients against float64 formulas.
#include "kernels/activation/activation.h"

#include <functional>

#include "helpers.h"

namespace weft::kernels::testing {
namespace {

using Function = std::function<double(double)>;

struct Kind {
  ActivationKind kind;
  const char* name;
  Function f;
};

double phi(double x) {
  return 0.5 * std::erfc(-x / std::sqrt(2.0));
}

const Kind kKinds[] = {
    {ActivationKind::kGelu, "gelu", [](double x) { return x * phi(x); }},
    {ActivationKind::kGeluTanh, "gelu_tanh",
     [](double x) {
       return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
     }},
    {ActivationKind::kSilu, "silu", [](double x) { return x / (1 + std::exp(-x)); }},
    {ActivationKind::kRelu, "relu", [](double x) { return x > 0 ? x : 0.0; }},
    {ActivationKind::kTanh, "tanh", [](double x) { return std::tanh(x); }},
};

double slope(const Kind& k, double x) {
  if (k.kind == ActivationKind::kRelu) return x > 0 ? 1 : 0;
  const double h = 1e-5;
  return (k.f(x + h) - k.f(x - h)) / (2 * h);
}

template <class T>
std::vector<T> inputs(int64_t n) {
  std::vector<T> x = random_values<T>(n, 1, 6.0f);
  const float special[] = {0.0f, -0.0f, 1e-6f, -30.0f, 30.0f, 100.0f, -100.0f, 1e-30f};
  for (size_t i = 0; i < x.size() && i < 8; ++i) x[x.size() - 1 - i] = static_cast<T>(special[i]);
  return x;
}

// exp(z) has the rounding error of z times |z|, and z up to 8 matters: like 64 terms of a sum.
template <class T>
double allowed() {
  return tolerance<T>(64);
}

template <class T>
class Activations : public ::testing::Test {};
TYPED_TEST_SUITE(Activations, ElementTypes);

TYPED_TEST(Activations, MatchFloat64) {
  for_each_simd_target([] {
    for (const Kind& k : kKinds) {
      for (const int64_t n : {0, 1, 7, 15, 16, 17, 100, 1000}) {
        SCOPED_TRACE(::testing::Message() << k.name << " " << n);
        const std::vector<TypeParam> x = inputs<TypeParam>(n), dy = random_values<TypeParam>(n, 2);
        Guarded<TypeParam> y(n), dx(n);
        activation_forward({.kind = k.kind, .x = x.data(), .y = y.data(), .n = n}, SerialFor());
        activation_backward(
            {.kind = k.kind, .dy = dy.data(), .x = x.data(), .dx = dx.data(), .n = n}, SerialFor());
        std::vector<double> y_expected, dx_expected;
        for (size_t i = 0; i < x.size(); ++i) {
          y_expected.push_back(k.f(as_double(x[i])));
          dx_expected.push_back(as_double(dy[i]) * slope(k, as_double(x[i])));
        }
        expect_close(y.values(), y_expected, allowed<TypeParam>(), "y");
        expect_close(dx.values(), dx_expected, allowed<TypeParam>(), "dx");
        EXPECT_TRUE(y.intact() && dx.intact());
      }
    }
  });
}

TYPED_TEST(Activations, NaNStaysWhereItIs) {
  for_each_simd_target([] {
    for (const Kind& k : kKinds) {
      std::vector<TypeParam> x(21, TypeParam(1.0f)), y(21);
      x[3] = x[20] = TypeParam(kNaN);
      activation_forward({.kind = k.kind, .x = x.data(), .y = y.data(), .n = 21}, SerialFor());
      for (size_t i = 0; i < 21; ++i) {
        EXPECT_EQ(std::isnan(as_double(y[i])), i == 3 || i == 20) << k.name << i;
      }
    }
  });
}

TYPED_TEST(Activations, ThreadsDoNotChangeBitsAndInPlaceIsTheSame) {
  const int64_t n = 100003;
  for (const Kind& k : kKinds) {
    const std::vector<TypeParam> x = inputs<TypeParam>(n);
    expect_same_bits_for_all_threads([&](const ParallelFor& parallel) {
      Guarded<TypeParam> y(x);
      activation_forward({.kind = k.kind, .x = y.data(), .y = y.data(), .n = n}, parallel);
      return y;
    });
  }
}

template <class T>
struct GatedOutputs {
  Guarded<T> y, dx;
  bool operator==(const GatedOutputs&) const = default;
};

template <class T>
GatedOutputs<T> run_gated(ActivationKind kind, int64_t N, int64_t F, const ParallelFor& parallel) {
  const std::vector<T> x = random_values<T>(N * 2 * F, 1, 4.0f), dy = random_values<T>(N * F, 2);
  GatedOutputs<T> o{Guarded<T>(N * F), Guarded<T>(N * 2 * F)};
  gated_forward(
      GatedForward<T>{.kind = kind, .x_N2F = x.data(), .y_NF = o.y.data(), .N = N, .F = F},
      parallel);
  gated_backward(GatedBackward<T>{.kind = kind,
                                  .dy_NF = dy.data(),
                                  .x_N2F = x.data(),
                                  .dx_N2F = o.dx.data(),
                                  .N = N,
                                  .F = F},
                 parallel);
  EXPECT_TRUE(o.y.intact() && o.dx.intact());
  return o;
}

TYPED_TEST(Activations, GatedMatchFloat64) {
  const int64_t N = 5;
  for_each_simd_target([&] {
    for (const Kind& k : kKinds) {
      for (const int64_t F : {1, 8, 15, 33, 704}) {
        const auto x = random_values<TypeParam>(N * 2 * F, 1, 4.0f);
        const auto dy = random_values<TypeParam>(N * F, 2);
        std::vector<double> y(static_cast<size_t>(N * F)), dx(static_cast<size_t>(N * 2 * F));
        for (int64_t i = 0; i < N * F; ++i) {
          const size_t gate = static_cast<size_t>(i / F * 2 * F + i % F);
          const size_t up = gate + static_cast<size_t>(F), at = static_cast<size_t>(i);
          y[at] = k.f(as_double(x[gate])) * as_double(x[up]);
          dx[gate] = as_double(dy[at]) * as_double(x[up]) * slope(k, as_double(x[gate]));
          dx[up] = as_double(dy[at]) * k.f(as_double(x[gate]));
        }
        SCOPED_TRACE(::testing::Message() << k.name << " " << F);
        auto o = run_gated<TypeParam>(k.kind, N, F, SerialFor());
        expect_close(o.y.values(), y, allowed<TypeParam>(), "y");
        expect_close(o.dx.values(), dx, allowed<TypeParam>(), "dx");
      }
    }
  });
}

TYPED_TEST(Activations, GatedThreadsDoNotChangeBits) {
  expect_same_bits_for_all_threads([](const ParallelFor& parallel) {
    return run_gated<TypeParam>(ActivationKind::kSilu, 401, 129, parallel);
  });
}

}  // namespace
}  // namespace weft::kernels::testing
