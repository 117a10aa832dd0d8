// Strict numbers and words, sizes, real numbers as text, and the nearest word.
#include "core/tree/scalars.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/tree/tree.h"
#include "weft/error.h"

namespace weft {
namespace {

TEST(Scalars, IntegersHaveOneSpelling) {
  int64_t value = 0;
  std::string advice;
  for (const char* text : {"0", "7", "-7", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_TRUE(read_integer(text, value, advice)) << text;
    EXPECT_EQ(std::to_string(value), text);
  }
  for (const char* text : {"", "-", "00", "-01", "1.", "1 ", " 1", "1a", "0b1", "0o7", "+1", "1e2",
                           "9223372036854775808", "--1"})
    EXPECT_FALSE(read_integer(text, value, advice)) << text;
}

TEST(Scalars, RealsAreDecimalAndFinite) {
  double value = 0;
  std::string advice;
  const auto reads = [&](const char* text) { return read_real(text, value, advice); };
  EXPECT_TRUE(reads("2e-5") && value == 2e-5);
  EXPECT_TRUE(reads(".5") && value == 0.5);
  EXPECT_TRUE(reads("-1.") && value == -1);
  EXPECT_TRUE(reads("1E+3") && value == 1000);
  EXPECT_TRUE(reads("0") && value == 0);
  for (const char* text : {"", ".", "-", "e5", "1e", "1e+", ".inf", "inf", "nan", "01", "-00.5",
                           "1_0", "1e999", "1e-999", "0x1p3", "1,5", "1.5.2"})
    EXPECT_FALSE(reads(text)) << text;
}

TEST(Scalars, RealTextIsReadBackToTheSameValue) {
  for (const double value : {0.0, -0.5, 1.0, 8.0, 1e-5, 3e-4, 1e6, 1e14, 1e15, 1e300, 5e-324, 0.1,
                             1.0 / 3, std::numeric_limits<double>::max()}) {
    double again = -1;
    std::string advice;
    EXPECT_TRUE(read_real(real_text(value), again, advice)) << real_text(value);
    EXPECT_EQ(again, value);
    EXPECT_NE(real_text(value).find('.'), std::string::npos) << real_text(value);
  }
  EXPECT_EQ(real_text(1e-5), "1.0e-05");
  EXPECT_EQ(real_text(1e6), "1000000.0");
}

TEST(Scalars, BytesHaveUnits) {
  EXPECT_EQ(parse_bytes("16GiB", "--memory"), int64_t{16} << 30);
  EXPECT_EQ(parse_bytes("1.5KiB", "--memory"), 1536);
  EXPECT_EQ(parse_bytes("80GB", "--memory"), 80'000'000'000);
  EXPECT_EQ(parse_bytes("100kB", "--memory"), 100'000);
  EXPECT_EQ(parse_bytes("16 GiB", "--memory"), int64_t{16} << 30);
  EXPECT_EQ(parse_bytes("1.3KiB", "--memory"), 1331);
  for (const char* text :
       {"", "16G", "-1", "0", "0.5", "GiB", "9000000TiB", "1e30", "16  GiB", "16 ", "nan"})
    EXPECT_THROW(parse_bytes(text, "--memory"), Error) << text;
  try {
    parse_bytes("16G", "--memory");
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("--memory: '16G' is not a size; allowed: "));
  }
}

TEST(Scalars, TheNearestWordIsCloseOrNone) {
  const std::vector<std::string_view> words{"learning_rate", "seed", "adamw", "cosine"};
  EXPECT_EQ(nearest("lerning_rate", words), "learning_rate");
  EXPECT_EQ(nearest("sede", words), "seed");
  EXPECT_EQ(nearest("adam", words), "adamw");
  EXPECT_EQ(nearest("x", words), "");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(nearest(std::string(1000, 'a'), words), "");
  EXPECT_EQ(nearest("momentum", words), "");
}

}  // namespace
}  // namespace weft
