// The vectorised normal numbers are those of normal_from, bit for bit.
#include "kernels/random/normal.h"

#include "helpers.h"
#include "weft/philox.h"

namespace weft::kernels::testing {
namespace {

float expected(uint64_t key, double deviation, int64_t i) {
  const PhiloxBlock words = philox(key, static_cast<uint64_t>(i / 4));
  const auto pair = i % 4 < 2 ? normal_from(words[0], words[1]) : normal_from(words[2], words[3]);
  return static_cast<float>(deviation * pair[static_cast<size_t>(i % 2)]);
}

// Sizes around a Philox block, a block of counters and a tile.
TEST(Normal, IsTheSameOnEveryInstructionSet) {
  for (const std::string& target : simd_targets()) {
    choose_simd_target(target);
    for (const int64_t n : {1, 3, 4, 63, 64, 65, 1000, (1 << 15) + 7}) {
      Guarded<float> values(n);
      fill_normal({.values_N = values.data(), .N = n, .key = 1234567, .deviation = 0.02},
                  ThreadFor(3));
      EXPECT_TRUE(values.intact());
      for (int64_t i = 0; i < n; ++i)
        ASSERT_EQ(values[i], expected(1234567, 0.02, i)) << target << ", element " << i;
    }
  }
  choose_simd_target("");
}

TEST(Normal, HasMeanZeroAndDeviationOne) {
  std::vector<float> values(1 << 20);
  fill_normal({.values_N = values.data(), .N = 1 << 20, .key = 9, .deviation = 1.0}, SerialFor());
  double sum = 0, squares = 0, fourth = 0;
  for (const float value : values) {
    const double x = static_cast<double>(value);
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  const double n = static_cast<double>(values.size());
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(fourth / n, 3, 5 * std::sqrt(96 / n));
}

}  // namespace
}  // namespace weft::kernels::testing
