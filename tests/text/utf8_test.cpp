// UTF-8 of any quality: characters, invalid bytes, replacement, unfinished ends.
#include "text/utf8.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace weft::text {
namespace {

TEST(Utf8, ReadsCharactersOfAllSizes) {
  const std::vector<std::pair<std::string, uint32_t>> cases = {
      {"A", 'A'},         {std::string(1, '\0'), 0}, {"\x7F", 0x7F},          {"\u0080", 0x80},
      {"\u07FF", 0x7FF},  {"\u0800", 0x800},         {"\uD7FF", 0xD7FF},      {"\uE000", 0xE000},
      {"\uFFFF", 0xFFFF}, {"\U00010000", 0x10000},   {"\U0010FFFF", 0x10FFFF}};
  for (const auto& [text, code] : cases) {
    EXPECT_EQ(utf8_at(text, 0).code, code);
    EXPECT_EQ(utf8_at(text, 0).size, text.size());
    EXPECT_EQ(utf8_last("x" + text).code, code);
    std::string written;
    append_utf8(written, code);
    EXPECT_EQ(written, text);
  }
}

TEST(Utf8, RefusesWhatIsNoCharacter) {
  for (const std::string text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE4\xBD", "\xF0\x9F\x98", "\xC3(",
        "\xE4\xBD("}) {
    EXPECT_EQ(utf8_at(text, 0).code, kInvalidByte) << testing::PrintToString(text);
    EXPECT_EQ(utf8_at(text, 0).size, 1u);
    EXPECT_EQ(valid_utf8_prefix(text), 0u);
    EXPECT_EQ(valid_utf8_prefix("eight letters " + text), 14u);
  }
  EXPECT_EQ(utf8_last("ab\xE4\xBD").code, kInvalidByte);
  EXPECT_EQ(utf8_last("\u4F60\x80").code, kInvalidByte);
}

// The table of The Unicode Standard, chapter 3, "U+FFFD Substitution of Maximal Subparts".
TEST(Utf8, ReplacesMaximalInvalidSequences) {
  const auto replaced = [](std::string_view text) {
    std::string out;
    append_replacing_invalid(out, text);
    return out;
  };
  EXPECT_EQ(replaced(""), "");
  EXPECT_EQ(replaced("caf\u00E9"), "caf\u00E9");
  EXPECT_EQ(replaced("a\xF1\x80\x80\xE1\x80\xC2"
                     "b\x80"
                     "c\x80\xBF"
                     "d"),
            "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd");
  EXPECT_EQ(replaced("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(replaced("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(replaced("\xF0\x9F\x98"), "\uFFFD");
}

TEST(Utf8, FindsUnfinishedEnds) {
  EXPECT_EQ(unfinished_suffix(""), 0u);
  EXPECT_EQ(unfinished_suffix("abc"), 0u);
  EXPECT_EQ(unfinished_suffix("a\u4F60"), 0u);
  EXPECT_EQ(unfinished_suffix("a\xE4"), 1u);
  EXPECT_EQ(unfinished_suffix("a\xE4\xBD"), 2u);
  EXPECT_EQ(unfinished_suffix("\xF0\x9F\x98"), 3u);
  EXPECT_EQ(unfinished_suffix("\xF0\x9F\x98\x80"), 0u);
  // No later byte can make characters of these.
  EXPECT_EQ(unfinished_suffix("\x80"), 0u);
  EXPECT_EQ(unfinished_suffix("\x80\x80\x80\x80"), 0u);
  EXPECT_EQ(unfinished_suffix("\xE0\x80"), 0u);
  EXPECT_EQ(unfinished_suffix("\xFF"), 0u);
}

}  // namespace
}  // namespace weft::text
