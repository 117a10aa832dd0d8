// The portable functions against the C library's in long double, and their special values. That
// they give the same bits everywhere is tested by whole runs (tests/cli/kernels_test.cpp).
#include "weft/portable_math.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "weft/philox.h"

namespace weft {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kUnit = 0x1p-52;

// Uniform in [low, high), number i.
double between(double low, double high, uint64_t i) {
  const PhiloxBlock words = philox(3, i);
  const double part = (static_cast<double>(words[0]) + static_cast<double>(words[1]) * 0x1p-32);
  return low + (high - low) * part * 0x1p-32;
}

double relative_error(double got, long double want) {
  return static_cast<double>(std::abs((static_cast<long double>(got) - want) / want));
}

constexpr uint64_t kNumbers = 200000;

TEST(PortableMath, LogarithmIsWithinTwoUnits) {
  for (uint64_t i = 0; i < kNumbers; ++i) {
    const double near_one = between(0.5, 2, i), any = std::ldexp(near_one, int(i % 2000) - 1000);
    EXPECT_LE(relative_error(portable::log(near_one), std::log(static_cast<long double>(near_one))),
              2 * kUnit);
    EXPECT_LE(relative_error(portable::log(any), std::log(static_cast<long double>(any))),
              2 * kUnit);
  }
  EXPECT_EQ(portable::log(1), 0);
  EXPECT_EQ(portable::log(0), -kInfinity);
  EXPECT_EQ(portable::log(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(portable::log(-1)));
  EXPECT_TRUE(std::isnan(portable::log(kNaN)));
  const double smallest = std::numeric_limits<double>::denorm_min();
  EXPECT_LE(relative_error(portable::log(smallest), std::log(static_cast<long double>(smallest))),
            2 * kUnit);
}

TEST(PortableMath, ExponentialIsWithinTwoUnits) {
  for (uint64_t i = 0; i < kNumbers; ++i) {
    const double x = between(-708, 709.7, i), small = between(-1, 1, i);
    EXPECT_LE(relative_error(portable::exp(x), std::exp(static_cast<long double>(x))), 2 * kUnit);
    EXPECT_LE(relative_error(portable::exp(small), std::exp(static_cast<long double>(small))),
              2 * kUnit);
  }
  EXPECT_EQ(portable::exp(0), 1);
  EXPECT_EQ(portable::exp(710), kInfinity);
  EXPECT_EQ(portable::exp(kInfinity), kInfinity);
  EXPECT_EQ(portable::exp(-746), 0);
  EXPECT_EQ(portable::exp(-kInfinity), 0);
  EXPECT_TRUE(std::isnan(portable::exp(kNaN)));
  EXPECT_NEAR(portable::exp(-740), std::exp(-740.0), std::numeric_limits<double>::denorm_min());
}

TEST(PortableMath, PowersAreAsExactAsTheirExponentAllows) {
  for (uint64_t i = 0; i < kNumbers; ++i) {
    const double x = between(0, 10, i), y = between(-50, 50, i + kNumbers);
    const double exponent = std::abs(y * std::log(x));
    EXPECT_LE(relative_error(portable::pow(x, y), std::pow(static_cast<long double>(x), y)),
              (2 + exponent) * kUnit);
  }
  EXPECT_EQ(portable::pow(0.95, 0), 1);
}

void expect_sine_and_cosine(const portable::SinCos& got, long double angle, double error) {
  EXPECT_LE(std::abs(static_cast<long double>(got.sin) - std::sin(angle)), error) << angle;
  EXPECT_LE(std::abs(static_cast<long double>(got.cos) - std::cos(angle)), error) << angle;
}

TEST(PortableMath, SinesAndCosinesHoldUpToLongTexts) {
  for (uint64_t i = 0; i < kNumbers; ++i) {
    const double span = std::ldexp(1.0, int(i % 26));
    const double angle = between(-span, span, i);
    expect_sine_and_cosine(portable::sin_cos(angle), angle, kUnit);
  }
  EXPECT_EQ(portable::sin_cos(0).sin, 0);
  EXPECT_EQ(portable::sin_cos(0).cos, 1);
  expect_sine_and_cosine(portable::sin_cos(1e9), 1e9L, 1e9 * kUnit);
  EXPECT_TRUE(std::isnan(portable::sin_cos(kInfinity).sin));
  EXPECT_TRUE(std::isnan(portable::sin_cos(kNaN).cos));
}

TEST(PortableMath, TurnsAreAnglesOfWholeParts) {
  const long double turn = 2 * std::acos(-1.0L) / 4294967296.0L;
  for (uint64_t i = 0; i < kNumbers; ++i) {
    const uint32_t part = philox(5, i)[0];
    expect_sine_and_cosine(portable::sin_cos_of_turn(part), turn * part, kUnit);
  }
  EXPECT_EQ(portable::sin_cos_of_turn(1u << 30).sin, 1);
  EXPECT_EQ(portable::sin_cos_of_turn(1u << 31).cos, -1);
}

}  // namespace
}  // namespace weft
