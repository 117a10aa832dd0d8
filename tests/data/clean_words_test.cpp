// Words and their counts, found 64 bytes at a time, beside plain loops over bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "data/clean/lines.h"
#include "data/clean/repeat_bounds.h"
#include "data/clean/word_counts.h"
#include "data/clean/words.h"
#include "weft/philox.h"

namespace weft::data {
namespace {

// Of spaces, letters, digits and characters of several bytes; runs of them of up to a few blocks.
std::string random_text(uint64_t seed, size_t pieces) {
  constexpr const char* kPieces[] = {" ", "\n", "\t", "a", "Z", "7", "-", "\u00E9", "\u4E2D", "."};
  std::string text;
  for (size_t i = 0; i < pieces; ++i) {
    const auto random = philox(seed, i);
    const uint32_t times = random[1] % 16 == 0 ? random[2] % 150 : random[2] % 4;
    for (uint32_t n = 0; n < times; ++n) text += kPieces[random[0] % std::size(kPieces)];
  }
  return text;
}

std::vector<std::string> plain_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    if (!is_white(c)) word += c;
    else if (!word.empty()) words.push_back(std::exchange(word, ""));
  }
  return words;
}

bool is_lettered(const std::string& word) {
  return std::any_of(word.begin(), word.end(), [](char c) {
    return static_cast<uint8_t>(c) >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

bool begins_character(char c) {
  return (static_cast<uint8_t>(c) & 0xC0) != 0x80;
}

TEST(CleanWords, AreThoseOfAPlainLoop) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const std::string text = random_text(seed, seed % 60);
    const std::vector<std::string> expected = plain_words(text);
    std::vector<std::string> words;
    for_each_spaced_word(text, [&](std::string_view word) { words.emplace_back(word); });
    ASSERT_EQ(words, expected) << seed;
    const WordCounts counts = count_words(text);
    ASSERT_EQ(counts.words, static_cast<int64_t>(expected.size())) << seed;
    ASSERT_EQ(counts.with_letter, std::count_if(expected.begin(), expected.end(), is_lettered))
        << seed;
    int64_t characters = 0;
    for (const std::string& word : expected)
      characters += std::count_if(word.begin(), word.end(), begins_character);
    ASSERT_EQ(counts.characters, characters) << seed;
    ASSERT_EQ(characters_of(text), std::count_if(text.begin(), text.end(), begins_character))
        << seed;
  }
}

TEST(CleanWords, AWordAsLongAsSeveralBlocksIsOne) {
  for (const size_t size : {1u, 63u, 64u, 65u, 127u, 128u, 129u, 1000u}) {
    EXPECT_EQ(count_words(std::string(size, '1')).words, 1);
    EXPECT_EQ(count_words(std::string(size, '1')).with_letter, 0);
    EXPECT_EQ(count_words("x" + std::string(size, '1') + " 2").with_letter, 1);
    EXPECT_EQ(count_words(std::string(size, '1') + "x").with_letter, 1);
    EXPECT_EQ(count_words(std::string(size, ' ')).words, 0);
  }
}

TEST(CleanWords, BytesAreFoundWhereTheyStand) {
  for (const size_t at : {0u, 1u, 15u, 16u, 63u, 64u, 200u}) {
    std::string text(at, 'a');
    EXPECT_EQ(find_byte(text, 0, bytes::kNoAscii), at);
    text += "\u00E9 tail";
    EXPECT_EQ(find_byte(text, 0, bytes::kNoAscii), at);
    EXPECT_EQ(find_byte(text, at, bytes::kNoAscii), at);
    EXPECT_EQ(find_byte(text, at + 2, bytes::kNoAscii), text.size());
  }
}

std::vector<uint64_t> hashes_of(std::string_view text) {
  std::vector<uint64_t> hashes;
  for_each_word(text, [&](uint64_t hash) { hashes.push_back(hash); });
  return hashes;
}

TEST(CleanWords, EqualWordsHaveEqualHashesWhateverStandsBesideThem) {
  const std::vector<uint64_t> word = hashes_of("internationalization42");
  ASSERT_EQ(word.size(), 1u);
  EXPECT_EQ(hashes_of("\u4E2DInternationalization42\u6587")[1], word[0]);
  EXPECT_EQ(hashes_of("\u201CInternationalization42\u201D"), word);
  EXPECT_EQ(hashes_of("(internationalization42)."), word);
  EXPECT_EQ(hashes_of(std::string(60, ' ') + "INTERNATIONALIZATION42"), word);
  const std::vector<uint64_t> wide = hashes_of("caf\u00E9");
  ASSERT_EQ(wide.size(), 1u);
  EXPECT_NE(wide, hashes_of("caf"));
  EXPECT_EQ(hashes_of("the caf\u00E9 is")[1], wide[0]);
  EXPECT_EQ(hashes_of("\u4E2D\u6587").size(), 2u);
  EXPECT_EQ(hashes_of("a-b\u2014c d").size(), 4u);
  EXPECT_TRUE(hashes_of(" .,\u3002 ").empty());
}

TEST(CleanWords, HashesTellWordsApart) {
  std::set<uint64_t> hashes;
  size_t words = 0;
  for (size_t size = 1; size <= 40; ++size)
    for (size_t at = 0; at < size; ++at) {
      std::string word(size, 'a');
      word[at] = 'b';
      hashes.insert(word_hash(word));
      ++words;
    }
  EXPECT_EQ(hashes.size(), words);
  EXPECT_EQ(word_hash("Straight", kFoldCase), word_hash("sTRAIGHT", kFoldCase));
  EXPECT_NE(word_hash("Straight"), word_hash("straight"));
}

// What stands after a word makes its hash faster, not another one.
TEST(CleanWords, HashesDoNotDependOnWhatStandsAfterTheWord) {
  const std::string text = "Aq\u00E9z0129 and more of this and that, to the very end of it";
  for (size_t begin = 0; begin + 24 < text.size(); ++begin)
    for (size_t size = 1; size <= 24; ++size) {
      const std::string_view word = std::string_view(text).substr(begin, size);
      const std::string alone(word);
      for (const uint64_t fold : {uint64_t{0}, kFoldCase})
        ASSERT_EQ(word_hash(word, fold, text.data() + text.size()), word_hash(alone, fold)) << word;
    }
}

// Plain counts of what RepeatSketch bounds.
RepeatBounds counted(const std::vector<std::string>& words, const SpacedWords& places) {
  std::map<std::vector<std::string>, int64_t> pairs;
  std::set<std::vector<std::string>> seen;
  RepeatBounds counts;
  for (size_t i = 0; i + 2 <= words.size(); ++i) {
    const int64_t count = ++pairs[{words.begin() + static_cast<ptrdiff_t>(i),
                                   words.begin() + static_cast<ptrdiff_t>(i) + 2}];
    counts.pair_count = std::max(counts.pair_count, count);
  }
  int64_t covered = 0;
  for (size_t i = 0; i + 5 <= words.size(); ++i) {
    const auto first = words.begin() + static_cast<ptrdiff_t>(i);
    if (seen.insert({first, first + 5}).second) continue;
    counts.repeated_bytes += places.end(i + 4) - std::max(covered, places.begin(i));
    covered = places.end(i + 4);
  }
  return counts;
}

TEST(CleanWords, RepetitionIsBoundedFromAboveAndClosely) {
  RepeatSketch sketch;
  SpacedWords words;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const uint32_t vocabulary = 2u << seed % 12;
    std::string text;
    for (uint64_t i = 0; i < seed * 7; ++i)
      text += "w" + std::to_string(philox(seed, i)[0] % vocabulary) + (i % 9 == 0 ? " \n" : " ");
    words.split(text);
    const std::vector<std::string> plain = plain_words(text);
    ASSERT_EQ(words.size(), plain.size());
    const RepeatBounds bounds = sketch.bounds(words), truth = counted(plain, words);
    ASSERT_GE(bounds.pair_count, truth.pair_count) << seed;
    ASSERT_GE(bounds.repeated_bytes, truth.repeated_bytes) << seed;
    ASSERT_LE(bounds.pair_count, truth.pair_count + 8) << seed;
    ASSERT_LE(bounds.repeated_bytes,
              truth.repeated_bytes + 100 + static_cast<int64_t>(text.size()) / 10)
        << seed;
  }
}

}  // namespace
}  // namespace weft::data
