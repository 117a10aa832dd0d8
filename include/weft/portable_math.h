// Elementary functions whose bits depend on neither the processor nor the C library: plain double
// arithmetic without fused multiply-adds. glibc chooses among variants of its functions by what the
// processor has, and their last bits differ. For numbers that decide what a run computes: initial
// weights, rotary tables, schedules, sums of softmax. Not for lanes of floats: kernels/simd has
// those.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace weft::portable {

// Coefficients of the power series, for kernels that evaluate the same polynomials on lanes.
// log((1 + s) / (1 - s)) = s (2 + s^2 (c0 + c1 s^2 + ...)), c_n = 2 / (2 n + 3), for
// |s| <= 3 - 2 sqrt(2): what is left out is below 2^-63 of the result.
inline constexpr auto kLogSeries = [] {
  std::array<double, 10> c{};
  for (std::size_t n = 0; n < c.size(); ++n) c[n] = 2.0 / static_cast<double>(2 * n + 3);
  return c;
}();

// (-1)^n / (first + 2 n)!: sines from 3, cosines from 4, for angles up to pi / 4.
template <std::size_t kTerms>
constexpr std::array<double, kTerms> trigonometric_series(int first, double sign) {
  std::array<double, kTerms> c{};
  double factorial = 1;
  for (int i = 2; i < first; ++i) factorial *= i;
  for (std::size_t n = 0; n < kTerms; ++n, first += 2, sign = -sign) {
    factorial *= first;
    c[n] = sign / factorial;
    factorial *= first + 1;
  }
  return c;
}
// sin x = x (1 + x^2 (s0 + s1 x^2 + ...)), cos x = 1 - x^2 / 2 + x^4 (c0 + c1 x^2 + ...).
inline constexpr auto kSineSeries = trigonometric_series<8>(3, -1.0);
inline constexpr auto kCosineSeries = trigonometric_series<7>(4, 1.0);

inline constexpr double kLog2High = 0x1.62e42fef00000p-1;  // times an exponent: exact
inline constexpr double kLog2Low = 0x1.473de6af278edp-34;
inline constexpr double kTurn = 6.283185307179586476925 * 0x1p-32;  // 2^-32 of a full turn

// Within 2 units in the last place of the exact value; zero, infinities, negative numbers and NaN
// as std::log and std::exp have them.
double log(double x);
double exp(double x);
// x^y = exp(y log x) for x > 0. Relative error below (2 + |y log x|) 2^-52.
double pow(double x, double y);

struct SinCos {
  double sin, cos;
};
// In radians. Absolute error below 2^-52 up to 2^25, beyond it that of the nearest angles that a
// double can be; NaN for what is not finite.
SinCos sin_cos(double angle);
// Of the angle turn / 2^32 of a full turn.
SinCos sin_cos_of_turn(uint32_t turn);

}  // namespace weft::portable
