// Logarithm, exponential, power, sine and cosine by range reduction and power series.
#include "weft/portable_math.h"

#include <bit>
#include <cmath>
#include <limits>

namespace weft::portable {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <size_t kTerms>
double series(const std::array<double, kTerms>& c, double x) {
  double sum = c[kTerms - 1];
  for (size_t n = kTerms - 1; n-- > 0;) sum = sum * x + c[n];
  return sum;
}

// To the nearest integer, for |x| < 2^51.
double nearest(double x) {
  constexpr double kShift = 0x1.8p52;
  return (x + kShift) - kShift;
}

double power_of_two(int64_t exponent) {
  return std::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
}

// x is normal and positive; `exponent` is added to its own.
double log_of_normal(double x, int64_t exponent) {
  constexpr uint64_t kRootHalf = uint64_t{0x3fe6a09e} << 32, kOne = uint64_t{0x3ff} << 52;
  const uint64_t bits = std::bit_cast<uint64_t>(x) + (kOne - kRootHalf);
  exponent += static_cast<int64_t>(bits >> 52) - 1023;
  const double m = std::bit_cast<double>((bits & 0xfffffffffffffu) + kRootHalf);
  const double f = m - 1.0, s = f / (m + 1.0), square = s * s;
  const double k = static_cast<double>(exponent);
  // log m = 2 s + s^3 (...), with 2 s = f - s f: f is exact.
  const double rest = s * (square * series(kLogSeries, square) - f) + k * kLog2Low;
  return k * kLog2High + (f + rest);
}

constexpr auto kExpSeries = [] {  // 1 / n!
  std::array<double, 14> c{1.0};
  double factorial = 1;
  for (size_t n = 1; n < c.size(); ++n) c[n] = 1.0 / (factorial *= static_cast<double>(n));
  return c;
}();

// |r| <= pi / 4, `quarters` of a turn are added.
SinCos rotate(double r, uint32_t quarters) {
  const double square = r * r;
  const double s = r + r * (square * series(kSineSeries, square));
  const double c = (1.0 - 0.5 * square) + square * square * series(kCosineSeries, square);
  switch (quarters % 4) {
    case 0: return {s, c};
    case 1: return {c, -s};
    case 2: return {-s, -c};
    default: return {-c, s};
  }
}

}  // namespace

double log(double x) {
  if (!(x > 0)) return x == 0 ? -kInfinity : kNaN;
  if (x == kInfinity) return x;
  const bool normal = x >= std::numeric_limits<double>::min();
  return normal ? log_of_normal(x, 0) : log_of_normal(x * 0x1p54, -54);
}

double exp(double x) {
  constexpr double kHighest = 709.79, kLowest = -745.14;
  if (x != x) return x;
  if (x > kHighest) return kInfinity;
  if (x < kLowest) return 0.0;
  const double n = nearest(x * 0x1.71547652b82fep+0);  // 1 / log 2
  const double r = (x - n * kLog2High) - n * kLog2Low;
  const auto k = static_cast<int64_t>(n), half = k / 2;  // 2^k alone may be no number
  return series(kExpSeries, r) * power_of_two(half) * power_of_two(k - half);
}

double pow(double x, double y) {
  return exp(y * log(x));
}

// pi / 2 in three parts; the first two have 29 bits, so that their products with n are exact.
SinCos sin_cos(double angle) {
  if (!(std::abs(angle) <= 0x1p25)) angle = std::remainder(angle, kTurn * 0x1p32);
  if (angle != angle) return {angle, angle};
  const double n = nearest(angle * 0x1.45f306dc9c883p-1);  // 2 / pi
  const double r = ((angle - n * 0x1.921fb54p+0) - n * 0x1.10b461p-30) - n * 0x1.a62633145c06ep-58;
  return rotate(r, static_cast<uint32_t>(static_cast<int64_t>(n)));
}

SinCos sin_cos_of_turn(uint32_t turn) {
  const uint32_t quarters = (turn + (1u << 29)) >> 30;
  const double rest = static_cast<double>(static_cast<int32_t>(turn - (quarters << 30)));
  return rotate(rest * kTurn, quarters);
}

}  // namespace weft::portable
