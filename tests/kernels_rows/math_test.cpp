// exp, sigmoid, tanh, erf and the bfloat16 conversion of kernels/simd, against double precision.
#include <algorithm>

#include "helpers.h"
#include "weft/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/kernels_rows/math_test.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

template <class F>
void map(const float* x, float* y, int64_t n, F f) {
  for_lanes(n, [&](int64_t i, auto e) WEFT_LANES { store(f(load(x + i, e)), y + i, e); });
}

void map_exp(const float* x, float* y, int64_t n) {
  map(x, y, n, [](V v) WEFT_LANES { return exp_lanes(v); });
}
void map_sigmoid(const float* x, float* y, int64_t n) {
  map(x, y, n, [](V v) WEFT_LANES { return sigmoid_lanes(v); });
}
void map_tanh(const float* x, float* y, int64_t n) {
  map(x, y, n, [](V v) WEFT_LANES { return tanh_lanes(v); });
}
void map_erf(const float* x, float* y, int64_t n) {
  map(x, y, n, [](V v) WEFT_LANES { return erf_lanes(v); });
}
void map_bf16(const float* x, BFloat16* y, int64_t n) {
  for_lanes(n, [&](int64_t i, auto e) WEFT_LANES { store(load(x + i, e), y + i, e); });
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {
HWY_EXPORT(map_exp);
HWY_EXPORT(map_sigmoid);
HWY_EXPORT(map_tanh);
HWY_EXPORT(map_erf);
HWY_EXPORT(map_bf16);

namespace testing {
namespace {

using Map = void (*)(const float*, float*, int64_t);

void exp_of(const float* x, float* y, int64_t n) {
  HWY_DYNAMIC_DISPATCH(map_exp)(x, y, n);
}
void sigmoid_of(const float* x, float* y, int64_t n) {
  HWY_DYNAMIC_DISPATCH(map_sigmoid)(x, y, n);
}
void tanh_of(const float* x, float* y, int64_t n) {
  HWY_DYNAMIC_DISPATCH(map_tanh)(x, y, n);
}
void erf_of(const float* x, float* y, int64_t n) {
  HWY_DYNAMIC_DISPATCH(map_erf)(x, y, n);
}

// Every 100,901st float: all signs and exponents, infinities and NaN among them.
std::vector<float> floats_everywhere() {
  std::vector<float> x = {0.0f, -0.0f, kInfinity, -kInfinity, kNaN, 87.3f, 88.72f, 88.73f, -87.4f};
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 100900 + 1) {
    x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  for (int i = -4000; i <= 4000; ++i) x.push_back(static_cast<float>(i) * 0.0045f);
  return x;
}

// The largest error against `exact`, relative or absolute; checks NaN and infinities.
double worst_error(Map map, double (*exact)(double), bool relative) {
  const std::vector<float> x = floats_everywhere();
  std::vector<float> y(x.size());
  map(x.data(), y.data(), static_cast<int64_t>(x.size()));
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double e = exact(static_cast<double>(x[i])), a = static_cast<double>(y[i]);
    if (std::isnan(x[i])) EXPECT_TRUE(std::isnan(a));
    else if (e > 3.4e38) EXPECT_TRUE(std::isinf(a)) << x[i];
    else if (std::abs(e) < 1.2e-38) EXPECT_LE(std::abs(a), 1.2e-38) << x[i];
    else worst = std::max(worst, std::abs(a - e) / (relative ? std::abs(e) : 1.0));
    EXPECT_EQ(std::isnan(a), std::isnan(x[i])) << x[i];
  }
  return worst;
}

TEST(SimdMath, ErrorsAreAsStated) {
  for_each_simd_target([] {
    const auto relative = [](Map map, double (*exact)(double)) {
      return worst_error(map, exact, true);
    };
    EXPECT_LE(relative(exp_of, [](double x) { return std::exp(x); }), 2e-7);
    EXPECT_LE(relative(sigmoid_of, [](double x) { return 1 / (1 + std::exp(-x)); }), 4e-7);
    EXPECT_LE(relative(tanh_of, [](double x) { return std::tanh(x); }), 4e-7);
    EXPECT_LE(worst_error(
                  erf_of, [](double x) { return std::erf(x); }, false),
              2e-7);
  });
}

TEST(SimdMath, BFloat16RoundsAsTheScalarTypeDoes) {
  for_each_simd_target([] {
    std::vector<float> x = floats_everywhere();
    for (uint32_t tail : {0x7fffu, 0x8000u, 0x8001u, 0x17fffu, 0x18000u, 0x18001u}) {
      x.push_back(std::bit_cast<float>(0x3f800000u + tail));
    }
    std::vector<BFloat16> y(x.size());
    HWY_DYNAMIC_DISPATCH(map_bf16)(x.data(), y.data(), static_cast<int64_t>(x.size()));
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i].bits, BFloat16(x[i]).bits) << x[i];
  });
}

TEST(SimdTargets, UnknownNameIsRefusedWithTheKnownOnes) {
  try {
    choose_simd_target("AVX9");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'AVX9'; this machine has: "), std::string::npos);
  }
}

}  // namespace
}  // namespace testing
}  // namespace weft::kernels
#endif  // HWY_ONCE
