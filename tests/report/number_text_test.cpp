// Numbers as people read them: rounding at the borders of units, and words for what is no number.
#include "report/number_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace weft::report {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(NumberText, NanAndInfinityAreWordsEverywhere) {
  for (const auto& text : {fixed(kNan, 2), scientific(kNan, 2), significant(kNan, 3), exact(kNan),
                           seventeen_digits(kNan), compact(kNan), grouped(kNan)}) {
    EXPECT_EQ(text, "NaN");
  }
  EXPECT_EQ(fixed(kInf, 2), "Infinity");
  EXPECT_EQ(exact(-kInf), "-Infinity");
  EXPECT_EQ(grouped(kInf), "Infinity");
  EXPECT_EQ(percent(kNan), "NaN%");
  EXPECT_EQ(short_time(kNan), "NaN s");
}

TEST(NumberText, FixedScientificSignificant) {
  EXPECT_EQ(fixed(5.12345, 4), "5.1235");
  EXPECT_EQ(fixed(1e300, 1).size(), 303u);
  EXPECT_EQ(scientific(1e-3, 2), "1.00e-03");
  EXPECT_EQ(significant(0.00012345, 3), "0.000123");
  EXPECT_EQ(significant(123456789, 3), "1.23e+08");
}

TEST(NumberText, SeventeenDigitsReadBack) {
  EXPECT_EQ(seventeen_digits(5.1234), "5.1234000000000002");
  EXPECT_EQ(seventeen_digits(2.0), "2");
  EXPECT_EQ(exact(0.1), "0.1");
  EXPECT_EQ(exact(1e22), "1e+22");
}

TEST(NumberText, GroupsOfThree) {
  EXPECT_EQ(grouped(int64_t{0}), "0");
  EXPECT_EQ(grouped(int64_t{999}), "999");
  EXPECT_EQ(grouped(int64_t{1000}), "1,000");
  EXPECT_EQ(grouped(int64_t{-1000}), "-1,000");
  EXPECT_EQ(grouped(int64_t{-999999}), "-999,999");
  EXPECT_EQ(grouped(std::numeric_limits<int64_t>::min()), "-9,223,372,036,854,775,808");
  EXPECT_EQ(grouped(12344.6), "12,345");
  EXPECT_EQ(grouped(1e20), "1e+20");
}

TEST(NumberText, CompactTakesTheNextUnitInTime) {
  EXPECT_EQ(compact(0), "0");
  EXPECT_EQ(compact(999.4), "999");
  EXPECT_EQ(compact(999.6), "1.00k");
  EXPECT_EQ(compact(12345), "12.3k");
  EXPECT_EQ(compact(999499), "999k");
  EXPECT_EQ(compact(999999), "1.00M");
  EXPECT_EQ(compact(-2500), "-2.50k");
  EXPECT_EQ(compact(9.999e9), "10.0G");
}

TEST(NumberText, Durations) {
  EXPECT_EQ(duration(0), "0:00");
  EXPECT_EQ(duration(59.6), "1:00");
  EXPECT_EQ(duration(754), "12:34");
  EXPECT_EQ(duration(3600 * 3 + 25 * 60 + 45), "3:25:45");
  EXPECT_EQ(duration(86400 * 2 + 3600 * 4 + 5 * 60 + 6), "2d 04:05:06");
  EXPECT_EQ(duration(kNan), "?");
  EXPECT_EQ(duration(-1), "?");
  EXPECT_EQ(duration(kInf), "?");
}

TEST(NumberText, ShortTimes) {
  EXPECT_EQ(short_time(4.85e-8), "48.5 ns");
  EXPECT_EQ(short_time(1.234e-6), "1.23 us");
  EXPECT_EQ(short_time(0.0123), "12.3 ms");
  EXPECT_EQ(short_time(0.99999), "1.00 s");
  EXPECT_EQ(short_time(0), "0.00 ns");
}

}  // namespace
}  // namespace weft::report
