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
  EXPECT_THAT(matches("[\\w]+", "a_\u00B2\u0661-"), ElementsAre("a_", "\u0661"));
  EXPECT_THAT(matches("\\w+|[^\\w\\s]+", "i4\u2024\u00BE \u00B2x"),
              ElementsAre("i4", "\u2024\u00BE", "\u00B2x"));
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
  EXPECT_THAT(matches("\\Ax|x\\z|y\\Z", "x\nx\nxyx"), ElementsAre("x", "x"));
}

TEST(Regex, WordsHaveBoundaries) {
  EXPECT_THAT(matches("\\b\\w", "ab \u4E2Dc-d"), ElementsAre("a", "\u4E2D", "d"));
  EXPECT_THAT(matches("\\B.", "ab -"), ElementsAre("b", "-"));
  EXPECT_THAT(matches("\\d{1,3}(?=(?:\\d{3})*\\b)", "1234567 12a"), ElementsAre("1", "234", "567"));
}

// What Hugging Face's library finds in these texts.
TEST(Regex, ClassesLieWithinClasses) {
  EXPECT_THAT(matches("[a[b-d]]+", "abe[d]"), ElementsAre("ab", "d"));
  EXPECT_THAT(matches("[\\w&&[^\\d]]+", "ab1c"), ElementsAre("ab", "c"));
  EXPECT_THAT(matches("[^a-z&&[^x]]+", "axb1"), ElementsAre("x", "1"));
  EXPECT_THAT(matches(" ?[^(\\s|[.,!?\u2026\u3002])]+", "Hi, you (all)|x."),
              ElementsAre("Hi", " you", "all", "x"));
  EXPECT_THAT(matches("[[:alpha:]_]+", "a_\u4E2D1"), ElementsAre("a_\u4E2D"));
  EXPECT_THAT(matches("[[:^space:]]+", "a b"), ElementsAre("a", "b"));
  EXPECT_THAT(matches("[\\b]", "b\b"), ElementsAre("\b"));
  EXPECT_THAT(matches("[]a]", "]a["), ElementsAre("]", "a"));
  EXPECT_THAT(matches("[[:punct:]]+|\\p{Punct}=", "a$+<.,~-="), ElementsAre("$+<.,~-="));
  EXPECT_THAT(matches("\\p{Punct}+", "a$+<.,~"), ElementsAre(".,"));
  EXPECT_THAT(matches("\\R+", "a\r\n\u2028b"), ElementsAre("\r\n\u2028"));
}

TEST(Regex, PropertiesHaveNames) {
  EXPECT_THAT(matches("\\p{Han}+", "\u6F22\u5B57\u304B\u306A"), ElementsAre("\u6F22\u5B57"));
  EXPECT_THAT(matches("[\\p{Hiragana}\\p{Katakana}]+", "\u6F22\u304B\u30AB"),
              ElementsAre("\u304B\u30AB"));
  EXPECT_THAT(matches("\\p{Mn}", "e\u0301"), ElementsAre("\u0301"));
  EXPECT_THAT(matches("\\p{Sc}", "$1 \u20AC2"), ElementsAre("$", "\u20AC"));
  EXPECT_THAT(matches("\\p{uppercase_letter}", "aB"), ElementsAre("B"));
  EXPECT_THAT(matches("\\p{^Alpha}", "a1"), ElementsAre("1"));
  EXPECT_THAT(matches("\\h+", "xBeg"), ElementsAre("Be"));
}

// Options that stand alone hold to the end of their group, for all of its alternatives.
TEST(Regex, OptionsHoldWithinTheirGroup) {
  EXPECT_THAT(matches("a(?i)b|c", "ab aB ac aC b C"), ElementsAre("ab", "aB", "ac", "aC"));
  EXPECT_THAT(matches("(?:(?i)a)a", "Aa AA"), ElementsAre("Aa"));
  EXPECT_THAT(matches("(?i:a(?-i:b))", "Ab AB"), ElementsAre("Ab"));
  EXPECT_THAT(matches("(?m:a.)|b.", "a\nb\n"), ElementsAre("a\n"));
  EXPECT_THAT(matches("(?<year>\\d+)(?#of what)y", "12y"), ElementsAre("12y"));
}

TEST(Regex, RepetitionsInBraces) {
  EXPECT_THAT(matches("a{,2}b", "aaab"), ElementsAre("aab"));
  EXPECT_THAT(matches("a{1,2}?", "aaa"), ElementsAre("a", "a", "a"));
  EXPECT_THAT(matches("xa{2}?", "xaax"), ElementsAre("xaa", "x"));  // two, or none
  EXPECT_THAT(matches("(?:ab){1,2}+c", "abababc"), ElementsAre("abababc"));
  EXPECT_THAT(matches("a{x}", "a{x}"), ElementsAre("a{x}"));
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
                                      {"[]", "a class is empty"},
                                      {"\\X", "\\X is not supported"},
                                      {"[b-a]", "from a lower to a higher"},
                                      {"[\\s-z]", "from a lower to a higher"},
                                      {"a{3,2}", "wrong order"},
                                      {"a{1001}", "above 1000"},
                                      {"\\p{Klingon}", "'Klingon'} is not known"},
                                      {"\\G", "\\G is not supported"},
                                      {"(?x:a)", "groups may be"},
                                      {"(?<a", "must end with >"},
                                      {"(?#a", "a comment is not closed"},
                                      {"{2}+", "nothing to repeat"},
                                      {"[[:klingon:]]", "is not known"},
                                      {"[[:a]", "must begin a class"},
                                      {"[a[b]", "a class is not closed"},
                                      {"\\pL", "needs a name in braces"},
                                      {"(a)\\1", "\\1 is not supported"},
                                      {"\\xg", "two digits below 80"},
                                      {"\\x{110000}", "a code point in braces"},
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
  EXPECT_THAT(refusal(std::string(40, '[') + "a"), HasSubstr("too deep within classes"));
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
