// Tokens by their neighbours against merging as it is defined: on all short words of small
// alphabets and long random ones, for vocabularies made at random.
#include "text/linear_bpe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "weft/philox.h"

namespace weft::text {
namespace {

// Tokens 0 to 255 are the bytes, each other one is made by some rule.
struct Merges {
  void add(int32_t left, int32_t right) {
    if (rank_of.contains({left, right})) return;
    const std::string text = texts[static_cast<size_t>(left)] + texts[static_cast<size_t>(right)];
    auto whole = std::ranges::find(texts, text) - texts.begin();
    if (whole == std::ssize(texts)) texts.push_back(text);
    rank_of[{left, right}] = rules.size();
    rules.push_back({left, right, static_cast<int32_t>(whole)});
  }

  LinearBpe linear() {
    table = MergeTable(rules.size());
    for (size_t i = 0; i < rules.size(); ++i) {
      const auto& [left, right, whole] = rules[i];
      table.insert(left, right, {static_cast<uint32_t>(i), whole});
    }
    std::array<int32_t, 256> symbols;
    std::iota(symbols.begin(), symbols.end(), 0);
    return LinearBpe(rules, table, symbols, texts.size());
  }

  // The definition: the best pair, leftmost, until there is none.
  std::vector<int32_t> encode(std::string_view word) const {
    std::vector<int32_t> ids;
    for (const char c : word) ids.push_back(static_cast<uint8_t>(c));
    while (true) {
      size_t best = rules.size(), at = 0;
      for (size_t i = 0; i + 1 < ids.size(); ++i) {
        const auto pair = rank_of.find({ids[i], ids[i + 1]});
        if (pair == rank_of.end() || pair->second >= best) continue;
        best = pair->second;
        at = i;
      }
      if (best == rules.size()) return ids;
      ids[at] = rules[best].whole;
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
  }

  std::vector<std::string> texts = bytes();
  std::vector<LinearBpe::Rule> rules;
  std::map<std::pair<int32_t, int32_t>, size_t> rank_of;
  MergeTable table{0};

 private:
  static std::vector<std::string> bytes() {
    std::vector<std::string> all;
    for (int byte = 0; byte < 256; ++byte) all.emplace_back(1, static_cast<char>(byte));
    return all;
  }
};

// `count` rules whose two tokens are drawn from those before them and the first `letters` letters.
Merges random_merges(uint64_t seed, uint32_t letters, size_t count) {
  Merges merges;
  for (uint64_t i = 0; merges.rules.size() < count; ++i) {
    const auto random = philox(seed, i);
    const auto draw = [&](uint32_t number) {
      const auto made = static_cast<uint32_t>(merges.texts.size()) - 256;
      const uint32_t n = number % (letters + made);
      return static_cast<int32_t>(n < letters ? 'a' + n : 256 + n - letters);
    };
    const int32_t left = draw(random[0]), right = draw(random[1]);
    const size_t size = merges.texts[static_cast<size_t>(left)].size() +
                        merges.texts[static_cast<size_t>(right)].size();
    if (size <= 24) merges.add(left, right);
  }
  return merges;
}

// As a tokenizer's thread does, with one scratch for all words: making one takes milliseconds.
std::vector<int32_t> encode(const LinearBpe& linear, std::string_view word) {
  static ModelScratch scratch;
  scratch.ids.clear();
  EXPECT_TRUE(linear.append_ids(word, scratch)) << word;
  return scratch.ids;
}

// Every word of up to `longest` of the first `letters` letters.
void compare_all_words(const LinearBpe& linear, const Merges& merges, uint32_t letters,
                       size_t longest) {
  std::vector<std::string> words = {""};
  for (size_t i = 0; i < words.size(); ++i) {
    ASSERT_EQ(encode(linear, words[i]), merges.encode(words[i])) << words[i];
    if (words[i].size() == longest) continue;
    for (uint32_t n = 0; n < letters; ++n) {
      const std::string word = words[i] + static_cast<char>('a' + n);
      words.push_back(word);
    }
  }
}

TEST(LinearBpe, AllShortWords) {
  size_t known = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    const auto letters = static_cast<uint32_t>(1 + seed % 4);
    Merges merges = random_merges(seed, letters, 2 + seed);
    const LinearBpe linear = merges.linear();
    if (!linear.knows()) continue;
    ++known;
    const size_t longest = std::array{60U, 8U, 5U, 4U}[letters - 1];
    ASSERT_NO_FATAL_FAILURE(compare_all_words(linear, merges, letters, longest)) << seed;
  }
  EXPECT_GT(known, 4U);
}

TEST(LinearBpe, LongWords) {
  for (uint64_t seed = 100; seed < 180; ++seed) {
    const auto letters = static_cast<uint32_t>(2 + seed % 5);
    Merges merges = random_merges(seed, letters, 20 + seed % 100);
    const LinearBpe linear = merges.linear();
    if (!linear.knows()) continue;
    std::string word;
    for (uint64_t i = 0; i < 400; ++i)
      word += static_cast<char>('a' + philox(seed, i)[2] % (letters + (i % 50 == 0 ? 1U : 0U)));
    EXPECT_EQ(encode(linear, word), merges.encode(word)) << seed;
  }
}

// Whatever order rules are in: what is taken is encoded as defined.
TEST(LinearBpe, RulesInAnyOrder) {
  size_t known = 0, refused = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const Merges drawn = random_merges(seed, 2, 2 + seed % 6);
    Merges merges;
    merges.texts = drawn.texts;
    std::vector<LinearBpe::Rule> rules = drawn.rules;
    for (size_t i = rules.size(); i > 1; --i)
      std::swap(rules[i - 1], rules[philox(seed, i)[3] % i]);
    for (const auto& rule : rules) merges.add(rule.left, rule.right);
    const LinearBpe linear = merges.linear();
    (linear.knows() ? known : refused) += 1;
    if (!linear.knows()) continue;
    ASSERT_NO_FATAL_FAILURE(compare_all_words(linear, merges, 2, 7)) << seed;
  }
  EXPECT_GT(known, 5U);
  EXPECT_GT(refused, 5U);
}

TEST(LinearBpe, TokensThatMergesNeverMake) {
  Merges merges;
  merges.add('b', 'c');  // 256
  merges.add('a', 'b');  // 257
  merges.add(257, 'c');  // 258, "abc": but "bc" comes first
  merges.add(258, 'd');  // 259
  const LinearBpe linear = merges.linear();
  ASSERT_TRUE(linear.knows());
  EXPECT_TRUE(linear.makes('a') && linear.makes(256) && linear.makes(257));
  EXPECT_FALSE(linear.makes(258) || linear.makes(259));
  EXPECT_EQ(encode(linear, "abcd"), (std::vector<int32_t>{'a', 256, 'd'}));
  // Another rule for the same token makes it, if it comes in time for what is made of it.
  merges.add('a', 256);
  EXPECT_FALSE(merges.linear().knows());
  merges.rules.clear();
  merges.rank_of.clear();
  for (const auto& [left, right] :
       {std::pair<int32_t, int32_t>{'b', 'c'}, {'a', 'b'}, {257, 'c'}, {'a', 256}})
    merges.add(left, right);
  merges.add(258, 'd');
  ASSERT_TRUE(merges.linear().knows());
  EXPECT_EQ(encode(merges.linear(), "abcd"), (std::vector<int32_t>{259}));
}

TEST(LinearBpe, AByteWithoutATokenIsNotForIt) {
  const MergeTable none(0);
  std::array<int32_t, 256> symbols;
  std::iota(symbols.begin(), symbols.end(), 0);
  EXPECT_TRUE(LinearBpe({}, none, symbols, 256).knows());
  symbols[7] = -1;
  EXPECT_FALSE(LinearBpe({}, none, symbols, 256).knows());
}

// Tokens that are hundreds of merges deep, of which none may stand where they are tried: steps stay
// in proportion to the word.
TEST(LinearBpe, GivesUpWhereItTakesLong) {
  Merges merges;
  merges.add(251, 1);
  merges.add(250, 251);
  merges.add(1, 2);
  std::string word = "\xFA\xFB\x01\x02";
  for (int32_t byte = 3; byte <= 200; ++byte) {
    merges.add(static_cast<int32_t>(merges.texts.size()) - 1, byte);
    word += static_cast<char>(byte);
  }
  const LinearBpe linear = merges.linear();
  ASSERT_TRUE(linear.knows());
  ModelScratch scratch;
  scratch.ids = {1, 2, 3};
  EXPECT_FALSE(linear.append_ids("bb" + word, scratch));
  EXPECT_EQ(scratch.ids, (std::vector<int32_t>{1, 2, 3}));
  for (const size_t begin : {1U, 2U, 3U})
    EXPECT_EQ(encode(linear, word.substr(begin)), merges.encode(word.substr(begin)));
  EXPECT_EQ(encode(linear, word.substr(0, 20)), merges.encode(word.substr(0, 20)));
}

}  // namespace
}  // namespace weft::text
