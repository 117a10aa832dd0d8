// Series in double, which leave a float's rounding alone.
#include "kernels/emulator/math.h"

#include <cmath>
#include <limits>

namespace weft::emulator {
namespace {

constexpr double kLn2 = 0.693147180559945309417;

}  // namespace

// 2^x = 2^n e^(r ln 2) with |r| <= 1/2: ten terms of the series leave 1e-12.
float exp2(float x) {
  if (std::isnan(x)) return x;
  if (x < -126.0f) return 0.0f;
  if (x >= 128.0f) return std::numeric_limits<float>::infinity();
  const double n = std::nearbyint(static_cast<double>(x));
  const double r = (static_cast<double>(x) - n) * kLn2;
  double sum = 1.0;
  for (int k = 10; k > 0; --k) sum = 1.0 + sum * r / k;
  return static_cast<float>(std::ldexp(sum, static_cast<int>(n)));
}

// log2(m 2^n) = n + 2 atanh(z) / ln 2 with z = (m - 1) / (m + 1), sqrt(1/2) <= m < sqrt(2).
float log2(float x) {
  if (std::isnan(x) || x < 0.0f) return std::numeric_limits<float>::quiet_NaN();
  if (x < std::numeric_limits<float>::min()) return -std::numeric_limits<float>::infinity();
  if (std::isinf(x)) return x;
  int n = 0;
  double m = std::frexp(static_cast<double>(x), &n);
  if (m < 0.70710678118654752) {
    m *= 2;
    --n;
  }
  const double z = (m - 1) / (m + 1), square = z * z;
  double sum = 0.0;
  for (int k = 17; k > 0; k -= 2) sum = 1.0 / k + sum * square;
  return static_cast<float>(n + 2 * z * sum / kLn2);
}

// 2 / sqrt(pi) sum (-1)^k x^(2k+1) / (k! (2k+1)); from |x| = 4 on a float cannot tell it from 1.
float error_function(float x) {
  if (std::isnan(x)) return x;
  if (std::abs(x) >= 4.0f) return x > 0.0f ? 1.0f : -1.0f;
  constexpr double kTwoOverRootPi = 1.12837916709551257390;
  const double square = static_cast<double>(x) * static_cast<double>(x);
  double term = static_cast<double>(x), sum = term;
  for (int k = 1; k < 64; ++k) {
    term *= -square / k;
    sum += term / (2 * k + 1);
  }
  return static_cast<float>(kTwoOverRootPi * sum);
}

}  // namespace weft::emulator
