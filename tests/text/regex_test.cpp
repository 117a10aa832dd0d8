// Regular expressions of tokenizer files: what they match, what is refused, what is stopped.
#include "text/regex.h"

#include <gmock/gmock.h>

#include "weft/error.h"

namespace weft::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> matches(std::string_view expression, std::string_view text) {
  std::vector<Regex::Match> found;
  Regex(expression, "here").find_all(text, found);
  std::vector<std::string> result;
  for (const auto& match : found) {
    result.emplace_back(text.substr(match.begin, match.end - match.begin));
  }
  return result;
}

std::string refusal(std::string_view expression) {
  try {
    const Regex regex(expression, "here");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Regex, MatchesFromLeftToRight) {
  EXPECT_THAT(matches("a+|b", "aabcab"), ElementsAre("aa", "b", "a", "b"));
  EXPECT_THAT(matches("[a-c\\]x-]+", "b]-d-"), ElementsAre("b]-", "-"));
  EXPECT_THAT(matches("[^a]", "a\u4E2D"), ElementsAre("\u4E2D"));
  EXPECT_THAT(matches("x{2,3}", "xxxxx"), ElementsAre("xxx", "xx"));
  EXPECT_THAT(matches("(ab)+?c|(?:d)e?+", "ababcde"), ElementsAre("ababc", "de"));
  EXPECT_THAT(matches("a(?=b)|(?<=b)c|(?<!x)y", "abcxyy"), ElementsAre("a", "c", "y"));
  EXPECT_THAT(matches(".", "a\n\u00E9"), ElementsAre("a", "\u00E9"));
  EXPECT_THAT(matches("a", ""), ElementsAre());
}

TEST(Regex, ClassesAreOurs) {
  EXPECT_THAT(matches("\\p{L}+", "ab\u4E2D1\u00E9"), ElementsAre("ab\u4E2D", "\u00E9"));
  EXPECT_THAT(matches("\\P{L}", "a1"), ElementsAre("1"));
  EXPECT_THAT(matches("\\p{^L}", "a1"), ElementsAre("1"));
  EXPECT_THAT(matches("\\p{Lu}\\p{Ll}", "aBcD"), ElementsAre("Bc"));
  EXPECT_THAT(matches("\\s+", "a\u3000\u0085 b"), ElementsAre("\u3000\u0085 "));
  EXPECT_THAT(matches("[\\d\\s]+", "x1 \u0661y\u00B2"), ElementsAre("1 \u0661"));
  EXPECT_THAT(matches("\\W", "a_\u00B2-"), ElementsAre("-"));  // Oniguruma's \w has U+00B2
  EXPECT_THAT(matches("\\x41\\x{4E2D}\\t", "A\u4E2D\t"), ElementsAre("A\u4E2D\t"));
}

TEST(Regex, IgnoresCaseOfAsciiLetters) {
  EXPECT_THAT(matches("(?i:'s|K)x", "'Sx '\u017Fx \u212Ax kX"),
              ElementsAre("'Sx", "'\u017Fx", "\u212Ax"));
  EXPECT_THAT(matches("(?i)[a-c]d", "aD Bd"), ElementsAre("aD", "Bd"));
  EXPECT_THAT(matches("(?i:a)a", "Aa AA"), ElementsAre("Aa"));
}

// As in Ruby's syntax, ^ and $ look at every line.
TEST(Regex, AnchorsAreOfLines) {
  EXPECT_THAT(matches("\\s+$", "a \nb  "), ElementsAre(" ", "  "));
  EXPECT_THAT(matches("^b|x$", "x\nb\nbx"), ElementsAre("x", "b", "b", "x"));
}

TEST(Regex, EmptyMatchesAreBetweenCharacters) {
  EXPECT_THAT(matches("x*", "ab"), ElementsAre("", "", ""));
  EXPECT_THAT(matches("x*", "xa"), ElementsAre("x", ""));
  EXPECT_THAT(matches("(?=\u4E2D)", "\u4E2D\u4E2D"), ElementsAre("", ""));
}

TEST(Regex, InvalidBytesAreControlCharacters) {
  EXPECT_THAT(matches("[^\\s\\p{L}]+", "a\xFF\x80 b"), ElementsAre("\xFF\x80"));
  EXPECT_THAT(matches("\\p{L}", "\xE4\xBD"), ElementsAre());
}

struct Refused {
  const char* expression;
  const char* says;
};

TEST(Regex, RefusesWhatMayMeanSomethingElse) {
  const std::vector<Refused> cases = {{"a)", ") without ("},
                                      {"(a", "a group is not closed"},
                                      {"[a", "a class is not closed"},
                                      {"[]a]", "must not begin with ]"},
                                      {"[a[b]]", "a class within a class"},
                                      {"[a&&b]", "&& in a class"},
                                      {"[b-a]", "from a lower to a higher"},
                                      {"[\\s-z]", "from a lower to a higher"},
                                      {"a{3,2}", "wrong order"},
                                      {"a{1001}", "above 1000"},
                                      {"a{,3}", "must begin a repetition"},
                                      {"a{x}", "must begin a repetition"},
                                      {"a{1,3}+", "different things in different engines"},
                                      {"a{2}?", "different things in different engines"},
                                      {"\\p{Han}", "'Han'} is not known"},
                                      {"\\pL", "needs a name in braces"},
                                      {"\\bword\\b", "\\b is not supported"},
                                      {"(a)\\1", "\\1 is not supported"},
                                      {"\\h", "\\h is not supported"},
                                      {"\\xg", "two digits below 80"},
                                      {"\\x{110000}", "a code point in braces"},
                                      {"(?<name>a)", "groups may be"},
                                      {"(?m:a)", "groups may be"},
                                      {"a(?i)b", "groups may be"},
                                      {"(*COMMIT)a", "(* begins a verb"},
                                      {"(?i:\u00E9)", "ASCII letters only"},
                                      {"(?i:[\u00E0-\u00E9])", "ASCII letters only"},
                                      {"(?i:\\p{Lu})", "where case is ignored"},
                                      {"*a", "malformed"},
                                      {"a**", "malformed"},
                                      {"(?<=a+)b", "malformed"},
                                      {"a\\", "ends too early"},
                                      {"\xFF", "not valid UTF-8"}};
  for (const Refused& c : cases) {
    EXPECT_THAT(refusal(c.expression), HasSubstr(c.says)) << c.expression;
    EXPECT_THAT(refusal(c.expression), testing::StartsWith("here: ")) << c.expression;
  }
  EXPECT_THAT(refusal(std::string(70000, 'a')), HasSubstr("longer than 65536 bytes"));
  std::string many_sets;
  for (int c = 0; c < 70; ++c) many_sets += std::string("\\x{") + std::to_string(100 + c) + "}";
  EXPECT_THAT(refusal(many_sets), HasSubstr("more than 64 different sets"));
}

TEST(Regex, AMatchThatTakesTooLongIsAnError) {
  const Regex regex("(?:a+)+b", "here");
  std::vector<Regex::Match> found;
  try {
    regex.find_all(std::string(5000, 'a') + "xb", found);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("takes too long on this text"));
  }
}

TEST(Regex, LongMatchesAreFine) {
  const std::string spaces(200000, ' ');
  EXPECT_THAT(matches("\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", spaces + "x"),
              ElementsAre(spaces.substr(1), " "));
  EXPECT_THAT(matches("(?:a|b)+", std::string(200000, 'a')), ElementsAre(std::string(200000, 'a')));
}

}  // namespace
}  // namespace weft::text
