// Text from hostile files in messages: nothing that a terminal would obey comes through.
#include "core/quote.h"

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(Quote, KeepsLettersAndEscapesTheRest) {
  EXPECT_EQ(quote("a b~"), "'a b~'");
  EXPECT_EQ(quote(""), "''");
  EXPECT_EQ(quote("\x1b[31m\n\x7f"), "'\\x1b[31m\\x0a\\x7f'");
  EXPECT_EQ(quote("run \u00e9/\u4e2d"), "'run \u00e9/\u4e2d'");
  EXPECT_EQ(quote("\u0085\u2028\u202e\u200b\xff"),
            "'\\xc2\\x85\\xe2\\x80\\xa8\\xe2\\x80\\xae\\xe2\\x80\\x8b\\xff'");
  EXPECT_EQ(quote(std::string_view("a\0b", 3)), "'a\\x00b'");
}

TEST(Quote, CutsAtItsLimit) {
  EXPECT_EQ(quote(std::string(100, 'x')), "'" + std::string(100, 'x') + "'");
  EXPECT_EQ(quote(std::string(101, 'x')), "'" + std::string(100, 'x') + "'...");
  EXPECT_EQ(quote("abc\u4e2d", 5), "'abc'...");
  EXPECT_EQ(quote("abc\u4e2dd", 6), "'abc\u4e2d'...");
  EXPECT_EQ(quote("\u00e9\u00e9", 2), "'\u00e9'...");
  EXPECT_EQ(quote("ab\xbf\xbf\xbf\xbf", 5), "'ab\\xbf\\xbf\\xbf'...");
  EXPECT_EQ(printable(std::string(4096, 'x')), std::string(4096, 'x'));
  EXPECT_EQ(printable(std::string(4097, 'x')), std::string(4096, 'x') + "...");
}

TEST(Printable, KeepsLettersOfEveryLanguage) {
  for (const char* text : {"mod\u00e8le", "\u4e2d\u6587", "\U0001D11E", "\u00a0", "\ue000", ""})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("\x1b]0;x\x07"), "\\x1b]0;x\\x07");
  EXPECT_EQ(printable("a\nb\tc\rd"), "a\\x0ab\\x09c\\x0dd");
  EXPECT_EQ(printable("\u009b31m"), "\\xc2\\x9b31m");  // the one-character escape sequence
  EXPECT_EQ(printable("txt.\u202egpj"), "txt.\\xe2\\x80\\xaegpj");  // turns the rest around
  EXPECT_EQ(printable("a\u200bb\ufeff"), "a\\xe2\\x80\\x8bb\\xef\\xbb\\xbf");
  EXPECT_EQ(printable("\U000E0041"), "\\xf3\\xa0\\x81\\x81");  // an invisible letter
}

TEST(Printable, EscapesWhatIsNoUtf8) {
  EXPECT_EQ(printable("\xff\xc0\xaf"), "\\xff\\xc0\\xaf");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(printable("\xe7\xab"), "\\xe7\\xab");
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(Printable, LinesStayInWholeMessagesOnly) {
  EXPECT_EQ(printable_lines("a\nb\x1b\n"), "a\nb\\x1b\n");
  EXPECT_EQ(printable_lines(""), "");
  EXPECT_EQ(quote_path("a\nweft: all is well"), "'a\\x0aweft: all is well'");
}

}  // namespace
}  // namespace weft
