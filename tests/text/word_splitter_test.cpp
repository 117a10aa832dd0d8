// The hand-written rules against the regular expressions that they stand for.
#include "text/word_splitter.h"

#include <gmock/gmock.h>

#include <array>

#include "golden.h"
#include "text/regex.h"
#include "text/unicode.h"
#include "weft/philox.h"

namespace weft::text {
namespace {

using testing::ElementsAre;

constexpr std::array kRules = {WordRule::kGpt2, WordRule::kLlama3, WordRule::kQwen2};

std::vector<std::string> words(WordRule rule, std::string_view text, size_t batch = 256) {
  std::vector<std::string> result;
  std::vector<size_t> ends(batch);
  for (size_t begin = 0; begin < text.size();) {
    const size_t n = cut_words(rule, text, begin, ends);
    EXPECT_GT(n, 0u);
    for (size_t i = 0; i < n; ++i) {
      result.emplace_back(text.substr(begin, ends[i] - begin));
      begin = ends[i];
    }
  }
  return result;
}

std::vector<std::string> words_by_expression(const Regex& regex, std::string_view text) {
  std::vector<Regex::Match> matches;
  regex.find_all(text, matches);
  std::vector<std::string> result;
  size_t done = 0;
  for (const auto& match : matches) {
    EXPECT_EQ(match.begin, done) << "the expression leaves a gap";
    result.emplace_back(text.substr(match.begin, match.end - match.begin));
    done = match.end;
  }
  EXPECT_EQ(done, text.size());
  return result;
}

TEST(WordSplitter, CutsAsGpt2Does) {
  EXPECT_THAT(words(WordRule::kGpt2, "Don't  stop!! 42\n"),
              ElementsAre("Don", "'t", " ", " stop", "!!", " 42", "\n"));
  EXPECT_THAT(words(WordRule::kGpt2, "DON'T 'll're\tx  "),
              ElementsAre("DON", "'", "T", " '", "ll", "'re", "\t", "x", "  "));
  EXPECT_THAT(words(WordRule::kGpt2, "\u4E2D\u6587 x\u00B2"),
              ElementsAre("\u4E2D\u6587", " x", "\u00B2"));
  EXPECT_THAT(words(WordRule::kGpt2, ""), ElementsAre());
  EXPECT_THAT(words(WordRule::kGpt2, " "), ElementsAre(" "));
}

TEST(WordSplitter, CutsAsLlama3Does) {
  EXPECT_THAT(words(WordRule::kLlama3, "I'M 12345 (ok)\r\n\n  x"),
              ElementsAre("I", "'M", " ", "123", "45", " (", "ok", ")\r\n\n", " ", " x"));
  EXPECT_THAT(words(WordRule::kLlama3, "'\u017F \n y"), ElementsAre("'\u017F", " \n", " y"));
  EXPECT_THAT(words(WordRule::kQwen2, "a12"), ElementsAre("a", "1", "2"));
}

TEST(WordSplitter, BatchSizeDoesNotMatter) {
  const std::string text = "one two  three\n\n4444 it's \u4E2D\u6587!";
  for (const WordRule rule : kRules) {
    EXPECT_EQ(words(rule, text, 1), words(rule, text));
    EXPECT_EQ(words(rule, text, 2), words(rule, text));
  }
}

TEST(WordSplitter, KnowsItsExpressions) {
  for (const WordRule rule : kRules) EXPECT_EQ(rule_for(expression_of(rule)), rule);
  EXPECT_EQ(rule_for("\\s+"), std::nullopt);
}

// Text of characters that the rules treat differently, and of any others.
std::string random_text(uint64_t seed) {
  constexpr std::array<uint32_t, 40> kInteresting = {
      ' ',    ' ',   ' ',    '\n',   '\r',   '\t',   '\'',    '\'', 's',   'S',
      't',    'r',   'e',    'v',    'm',    'l',    'L',     'd',  'D',   '1',
      '2',    '3',   '!',    '.',    '_',    0xA0,   0x85,    0xB2, 0x17F, 0x212A,
      0x2028, 0x301, 0x4E2D, 0xFF11, 0x3000, 0x200B, 0x1F600, 0x61, 0x41,  0};
  const auto random = [&](uint32_t i) { return philox(seed, i)[0]; };
  std::string text;
  const uint32_t length = random(0) % 40;
  for (uint32_t i = 0; i < length; ++i) {
    const uint32_t pick = random(2 * i + 1), value = random(2 * i + 2);
    uint32_t code = pick % 8 == 0 ? value % kCodePoints : kInteresting[value % kInteresting.size()];
    if (code >= 0xD800 && code < 0xE000) code = 'x';
    append_utf8(text, code);
  }
  return text;
}

TEST(WordSplitter, EqualsItsExpressionOnRandomText) {
  for (const WordRule rule : kRules) {
    const Regex regex(expression_of(rule), "test");
    for (uint64_t seed = 0; seed < 5000; ++seed) {
      const std::string text = random_text(seed);
      ASSERT_EQ(words(rule, text), words_by_expression(regex, text))
          << testing::PrintToString(text);
    }
  }
}

TEST(WordSplitter, EqualsItsExpressionOnReferenceTexts) {
  const std::string folder = golden::text_folder();
  // Reference values are not part of the repository.
  if (folder.empty()) GTEST_SKIP() << "WEFT_GOLDEN has no values";
  for (const WordRule rule : kRules) {
    const Regex regex(expression_of(rule), "test");
    for (const std::string name : {"torture", "fuzz", "fuzz-any"}) {
      const std::string text = golden::read(folder + "/" + name + ".txt");
      EXPECT_EQ(words(rule, text), words_by_expression(regex, text)) << name;
    }
  }
}

}  // namespace
}  // namespace weft::text
