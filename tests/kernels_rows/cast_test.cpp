// Conversions between f32, bf16 and f16, exactly.
#include "kernels/cast/cast.h"

#include "helpers.h"

namespace weft::kernels::testing {
namespace {

std::vector<float> every_half() {
  std::vector<uint16_t> halves;
  for (uint32_t bits = 0; bits < 0x10000u; ++bits) halves.push_back(static_cast<uint16_t>(bits));
  std::vector<float> floats(halves.size());
  cast({.x = halves.data(),
        .from = DType::kF16,
        .y = floats.data(),
        .to = DType::kF32,
        .n = static_cast<int64_t>(halves.size())},
       SerialFor());
  return floats;
}

double half_value(uint32_t bits) {
  const double sign = (bits & 0x8000u) != 0 ? -1 : 1;
  const int exponent = static_cast<int>(bits >> 10 & 31u);
  const double mantissa = static_cast<double>(bits & 1023u);
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

std::vector<uint16_t> to_half(const std::vector<float>& x) {
  Guarded<uint16_t> y(static_cast<int64_t>(x.size()));
  cast({.x = x.data(),
        .from = DType::kF32,
        .y = y.data(),
        .to = DType::kF16,
        .n = static_cast<int64_t>(x.size())},
       SerialFor());
  EXPECT_TRUE(y.intact());
  return {y.values().begin(), y.values().end()};
}

TEST(Cast, EveryHalfHasItsValueAndComesBack) {
  for_each_simd_target([] {
    const std::vector<float> floats = every_half();
    const std::vector<uint16_t> back = to_half(floats);
    for (uint32_t bits = 0; bits < 0x10000u; ++bits) {
      const bool special = (bits & 0x7c00u) == 0x7c00u;
      if (special && (bits & 1023u) != 0) {
        ASSERT_TRUE(std::isnan(floats[bits])) << bits;
        ASSERT_EQ(back[bits] & 0x7fffu, 0x7e00u);
        continue;
      }
      if (special) ASSERT_TRUE(std::isinf(floats[bits])) << bits;
      else ASSERT_EQ(static_cast<double>(floats[bits]), half_value(bits)) << bits;
      ASSERT_EQ(back[bits], bits);
    }
  });
}

// Halfway between two neighbours goes to the even one, anything beside it to the nearer.
TEST(Cast, HalfRoundsToNearestEven) {
  for_each_simd_target([] {
    std::vector<float> x;
    std::vector<uint16_t> expected;
    for (uint16_t bits = 0; bits < 0x7bff; ++bits) {
      const float middle = static_cast<float>((half_value(bits) + half_value(bits + 1u)) / 2);
      const uint16_t next = static_cast<uint16_t>(bits + 1), even = bits % 2 == 0 ? bits : next;
      for (const float v : {std::nextafter(middle, 0.0f), middle, std::nextafter(middle, 1e9f)}) {
        x.push_back(v);
        expected.push_back(v < middle ? bits : v > middle ? next : even);
      }
    }
    x.insert(x.end(), {65519.99f, 65520.0f, kInfinity, -1e30f, 1e-30f});
    expected.insert(expected.end(), {0x7bff, 0x7c00, 0x7c00, 0xfc00, 0});
    const std::vector<uint16_t> y = to_half(x);
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], expected[i]) << x[i];
  });
}

TEST(Cast, BFloat16AsTheScalarTypeAndBack) {
  for_each_simd_target([] {
    for (const int64_t n : {0, 1, 15, 16, 17, 33000}) {
      std::vector<float> x = random_values<float>(n, 1, 1e4f);
      if (n > 0) x.back() = kNaN;
      Guarded<BFloat16> y(n), z(n);
      Guarded<float> back(n);
      cast({.x = x.data(), .from = DType::kF32, .y = y.data(), .to = DType::kBF16, .n = n},
           SerialFor());
      cast({.x = y.data(), .from = DType::kBF16, .y = back.data(), .to = DType::kF32, .n = n},
           SerialFor());
      cast({.x = y.data(), .from = DType::kBF16, .y = z.data(), .to = DType::kBF16, .n = n},
           SerialFor());
      for (int64_t i = 0; i < n; ++i) {
        const BFloat16 expected(x[static_cast<size_t>(i)]);
        ASSERT_EQ(y[i].bits, expected.bits);
        ASSERT_EQ(z[i].bits, expected.bits);
        ASSERT_EQ(std::bit_cast<uint32_t>(back[i]), uint32_t{expected.bits} << 16);
      }
      EXPECT_TRUE(y.intact() && z.intact() && back.intact());
    }
  });
}

}  // namespace
}  // namespace weft::kernels::testing
