#include "core/size_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace weft {
namespace {

TEST(SizeText, HasThreeDigitsAndAPowerOf1024) {
  constexpr int64_t kKi = 1024, kMi = kKi * 1024, kGi = kMi * 1024;
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1024), "1.00 KiB");
  EXPECT_EQ(size_text(kGi * 6 / 5), "1.20 GiB");
  EXPECT_EQ(size_text(kMi * 10 - 1), "10.0 MiB");
  EXPECT_EQ(size_text(kMi * 100 - 1), "100 MiB");
  EXPECT_EQ(size_text(kGi - 1), "1.00 GiB");
  EXPECT_EQ(size_text(kMi * 1023), "1023 MiB");
  EXPECT_EQ(size_text(int64_t{1'000'000'000'000'000'000}), "888 PiB");
  EXPECT_EQ(size_text(-kGi * 2), "-2.00 GiB");
  EXPECT_EQ(size_text(std::numeric_limits<int64_t>::max()), "8.00 EiB");
}

}  // namespace
}  // namespace weft
