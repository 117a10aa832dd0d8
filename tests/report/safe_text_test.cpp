// Hostile text in terminals, JSON and HTML.
#include "report/safe_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace weft::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kReplacement = "\xEF\xBF\xBD";

TEST(Printable, ShowsControlCharactersAndKeepsTheRest) {
  EXPECT_EQ(printable(std::string("a\0\x1b[2J\n\x7f \xC3\xA9", 11)),
            "a\\x00\\x1b[2J\\x0a\\x7f \xC3\xA9");
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("\u009b31m \u202e"), "\\xc2\\x9b31m \\xe2\\x80\\xae")
      << "the other set of controls";
}

TEST(Columns, CountsCharactersNotBytes) {
  EXPECT_EQ(columns(""), 0);
  EXPECT_EQ(columns("a█b"), 3);
  EXPECT_EQ(columns("\u8dd1\ud55c \u00e9e\u0301"), 7);
  EXPECT_EQ(cut("a\u8dd1b", 2), "a");
  EXPECT_EQ(cut("a\u8dd1b", 3), "a\u8dd1");
}

TEST(Cut, NeverCutsACharacter) {
  EXPECT_EQ(cut("a█b", 2), "a█");
  EXPECT_EQ(cut("a█b", 1), "a");
  EXPECT_EQ(cut("█", 0), "");
  EXPECT_EQ(cut("ab", 5), "ab");
}

TEST(ValidUtf8, ReplacesOnlyWhatIsInvalid) {
  EXPECT_EQ(valid_utf8("gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80"),
            "gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80");
  EXPECT_EQ(valid_utf8("a\xFF"
                       "b\xC3"),
            "a" + kReplacement + "b" + kReplacement);
  EXPECT_EQ(valid_utf8(std::string("\0\n", 2)), std::string("\0\n", 2));
}

TEST(JsonString, ReadsBack) {
  for (const std::string text : {"", "\"\\/\b\f\n\r\t\x01\x7f", "\xE2\x80\xA8</script>"}) {
    EXPECT_EQ(nlohmann::json::parse(json_string(text)), text);
  }
}

TEST(HtmlText, NothingCanEndTheTextOrTheAttribute) {
  EXPECT_EQ(html_text("<script>alert(\"1\" & '2')</script>"),
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;");
  EXPECT_EQ(html_text("&lt;"), "&amp;lt;");
  EXPECT_EQ(html_text(std::string("a\0\x1b\r\x7f\n\tb", 8)),
            "a" + kReplacement + kReplacement + kReplacement + kReplacement + "\n\tb");
  EXPECT_EQ(html_text("\xC0\xBC"), kReplacement + kReplacement);  // an overlong '<'
}

}  // namespace
}  // namespace weft::report
