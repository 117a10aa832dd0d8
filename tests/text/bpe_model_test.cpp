// Merging against a plain reference, on random vocabularies and words of every length.
#include "text/bpe_model.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "small_tokenizer.h"
#include "weft/error.h"
#include "weft/philox.h"

namespace weft::text {
namespace {

using Json = nlohmann::json;

// A vocabulary over the letters a, b, c with `merges` random merges.
struct RandomBpe {
  explicit RandomBpe(uint64_t seed, int merges) {
    vocab = {"a", "b", "c"};
    for (uint64_t i = 0; pairs.size() < static_cast<size_t>(merges); ++i) {
      const auto random = philox(seed, i);
      const std::string left = vocab[random[0] % vocab.size()],
                        right = vocab[random[1] % vocab.size()];
      if (left.size() + right.size() > 40) continue;
      if (std::ranges::find(pairs, std::pair(left, right)) != pairs.end()) continue;
      pairs.emplace_back(left, right);
      // Two pairs may make the same token.
      if (std::ranges::find(vocab, left + right) == vocab.end()) vocab.push_back(left + right);
    }
  }

  Json json() const {
    Json result = small_tokenizer();
    result["added_tokens"] = Json::array();
    result["pre_tokenizer"] = nullptr;
    result["decoder"] = {{"type", "Fuse"}};
    result["model"]["vocab"] = Json::object();
    for (size_t id = 0; id < vocab.size(); ++id) result["model"]["vocab"][vocab[id]] = id;
    result["model"]["merges"] = pairs;
    return result;
  }

  // The definition: the best pair, leftmost, until there is none.
  std::vector<int32_t> encode(std::string_view word) const {
    std::vector<std::string> parts;
    for (const char c : word) parts.emplace_back(1, c);
    while (true) {
      size_t best = pairs.size(), at = 0;
      for (size_t i = 0; i + 1 < parts.size(); ++i) {
        const auto pair = std::ranges::find(pairs, std::pair(parts[i], parts[i + 1]));
        const auto rank = static_cast<size_t>(pair - pairs.begin());
        if (rank < best) {
          best = rank;
          at = i;
        }
      }
      if (best == pairs.size()) break;
      parts[at] += parts[at + 1];
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
    std::vector<int32_t> ids;
    for (const std::string& part : parts) {
      ids.push_back(static_cast<int32_t>(std::ranges::find(vocab, part) - vocab.begin()));
    }
    return ids;
  }

  std::vector<std::string> vocab;
  std::vector<std::pair<std::string, std::string>> pairs;
};

std::string random_word(uint64_t seed, size_t length) {
  std::string word;
  for (size_t i = 0; i < length; ++i) word += static_cast<char>('a' + philox(seed, i)[0] % 3);
  return word;
}

TEST(BpeModel, MergesAsDefined) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const RandomBpe bpe(seed, 30);
    const auto tokenizer = open_json(bpe.json());
    // Around the length where a heap takes over, and far beyond.
    for (const size_t length : {1u, 2u, 3u, 5u, 31u, 32u, 33u, 47u, 48u, 49u, 50u, 120u, 300u}) {
      const std::string word = random_word(seed * 1000 + length, length);
      const auto expected = bpe.encode(word);
      EXPECT_EQ(tokenizer->encode(word), expected) << word;
      EXPECT_EQ(tokenizer->encode(word), expected) << "from the cache: " << word;
      EXPECT_EQ(tokenizer->decode(expected), word);
    }
  }
}

TEST(BpeModel, EqualLettersMergeFromTheLeft) {
  Json json = RandomBpe(0, 0).json();
  json["model"]["vocab"]["aa"] = 3;
  json["model"]["vocab"]["aaaa"] = 4;
  json["model"]["merges"] = {"a a", "aa aa"};
  const auto tokenizer = open_json(json);
  for (const size_t n : {1U, 2U, 3U, 4U, 7U, 48U, 51U, 1003U}) {
    std::vector<int32_t> expected(n / 4, 4);
    if (n % 4 >= 2) expected.push_back(3);
    if (n % 2 == 1) expected.push_back(0);
    EXPECT_EQ(tokenizer->encode(std::string(n, 'a')), expected) << n;
  }
}

TEST(BpeModel, AMillionLettersTakeAMoment) {
  const RandomBpe bpe(3, 30);
  const auto tokenizer = open_json(bpe.json());
  const std::string word = random_word(7, 1000000);
  const auto ids = tokenizer->encode(word);
  EXPECT_LT(ids.size(), word.size());
  EXPECT_EQ(tokenizer->decode(ids), word);
}

TEST(BpeModel, CuttingAtSpaceMarksChangesNothing) {
  Json json = small_tokenizer();
  json["pre_tokenizer"] = nullptr;
  json["decoder"] = {{"type", "Fuse"}};
  json["added_tokens"] = Json::array();
  json["model"]["vocab"] = {
      {"a", 0},  {"b", 1},        {"\u2581", 2},         {"\u2581a", 3}, {"\u2581\u2581", 4},
      {"ab", 5}, {"\u2581ab", 6}, {"\u2581\u2581ab", 7}, {"<unk>", 8}};
  json["model"]["merges"] =
      Json::array({Json{"\u2581", "a"}, Json{"a", "b"}, Json{"\u2581", "\u2581"},
                   Json{"\u2581a", "b"}, Json{"\u2581\u2581", "ab"}});
  json["model"]["unk_token"] = "<unk>";
  json["model"]["fuse_unk"] = true;
  const auto cut = open_json(json);
  // A merge across a mark, of tokens that no text below has, forbids cutting.
  json["model"]["vocab"]["zz"] = 9;
  json["model"]["vocab"]["zz\u2581"] = 10;
  json["model"]["merges"].push_back(Json{"zz", "\u2581"});
  const auto uncut = open_json(json);
  for (uint64_t seed = 0; seed < 300; ++seed) {
    std::string text;
    for (uint64_t i = 0; i < seed % 40; ++i) {
      text += std::array{"a", "b", "\u2581", "?"}[philox(seed, i)[0] % 4];
    }
    EXPECT_EQ(cut->encode(text), uncut->encode(text)) << text;
  }
}

TEST(BpeModel, UnknownCharacters) {
  Json json = RandomBpe(0, 0).json();
  json["model"]["vocab"]["<unk>"] = 3;
  json["model"]["unk_token"] = "<unk>";
  EXPECT_EQ(open_json(json)->encode("axyb"), (std::vector<int32_t>{0, 3, 3, 1}));
  json["model"]["fuse_unk"] = true;
  EXPECT_EQ(open_json(json)->encode("axyb\u4E2D\xFF"), (std::vector<int32_t>{0, 3, 1, 3}));
  // With some bytes only: characters that they spell come before the unknown ones that wait.
  json["model"]["vocab"]["<0x78>"] = 4;
  json["model"]["byte_fallback"] = true;
  EXPECT_EQ(open_json(json)->encode("axb"), (std::vector<int32_t>{0, 4, 1}));
  EXPECT_EQ(open_json(json)->encode("ayxyb"), (std::vector<int32_t>{0, 4, 3, 1}));
}

TEST(BpeModel, WholeWordsComeFirstWhereMergesAreIgnored) {
  Json json = small_tokenizer();
  json["model"]["vocab"]["abe"] = 11;  // no merge makes it
  EXPECT_EQ(open_json(json)->encode("abe"), (std::vector<int32_t>{7, 5}));
  json["model"]["ignore_merges"] = true;
  EXPECT_EQ(open_json(json)->encode("abe abe"), (std::vector<int32_t>{11, 6, 7, 5}));
}

Json decorated(const char* vocab, const Json& merges, const char* prefix, const char* suffix) {
  Json json = small_tokenizer();
  json["added_tokens"] = Json::array();
  json["pre_tokenizer"] = nullptr;
  json["decoder"] = nullptr;
  json["model"]["vocab"] = Json::parse(vocab);
  json["model"]["merges"] = merges;
  json["model"]["unk_token"] = "?";
  json["model"]["continuing_subword_prefix"] = prefix;
  json["model"]["end_of_word_suffix"] = suffix;
  return json;
}

// "ids @ ends"
std::string told(const Json& json, std::string_view text) {
  std::string out;
  const Encoding row = open_json(json)->encode_rows(text, {}, {})[0];
  for (size_t i = 0; i < row.size(); ++i)
    out += std::to_string(row.ids[i]) + "@" + std::to_string(row.offsets[i].end) + " ";
  return out;
}

// What Hugging Face's library gives for these models.
TEST(BpeModel, MarksWhatGoesOnWithAWord) {
  const Json json = decorated(R"({"?":0,"a":1,"b":2,"##a":3,"##b":4,"ab":5})", {"a ##b"}, "##", "");
  EXPECT_EQ(told(json, "ab"), "5@2 ");
  EXPECT_EQ(told(json, "abab"), "5@2 3@3 4@4 ");
  EXPECT_EQ(told(json, "a"), "1@1 ");
  EXPECT_EQ(told(json, "xab"), "0@1 3@2 4@3 ");
}

TEST(BpeModel, MarksTheEndOfAWord) {
  const Json json = decorated(
      R"({"?":0,"a":1,"b":2,"ab":5,"a</w>":7,"b</w>":8,"ab</w>":10,"ba":12,"bab</w>":13})",
      {"a b</w>", "b a", "b ab</w>"}, "", "</w>");
  EXPECT_EQ(told(json, "ab"), "10@2 ");
  EXPECT_EQ(told(json, "abab"), "1@1 13@4 ");
  EXPECT_EQ(told(json, "bab"), "13@3 ");
  EXPECT_EQ(told(json, "bx"), "2@1 0@2 ");
  EXPECT_EQ(told(json, "xb"), "0@1 8@2 ");
}

TEST(BpeModel, MarksBothEnds) {
  const Json json =
      decorated(R"({"?":0,"a":1,"##b</w>":2,"ab</w>":3,"##b":4,"ab":5,"##a":6,"aba":7})",
                {"a ##b</w>", "a ##b", "ab ##a"}, "##", "</w>");
  EXPECT_EQ(told(json, "ab"), "3@2 ");
  EXPECT_EQ(told(json, "aba"), "5@2 0@3 ");
  EXPECT_EQ(told(json, "abab"), "7@3 2@4 ");
  EXPECT_EQ(told(json, "b"), "0@1 ");
}

TEST(BpeModel, LeavesMergesOutOnlyWhereAKeyIsGiven) {
  RandomBpe bpe(3, 40);
  Json json = bpe.json();
  json["model"]["dropout"] = 0.3;
  const auto tokenizer = open_json(json), whole = open_json(bpe.json());
  EXPECT_EQ(tokenizer->dropout(), 0.3);
  std::string word;
  for (uint64_t i = 0; i < 300; ++i) word += static_cast<char>('a' + philox(9, i)[0] % 3);
  const auto usual = whole->encode(word);
  EXPECT_EQ(tokenizer->encode(word), usual);
  size_t different = 0;
  for (uint64_t key = 0; key < 20; ++key) {
    const auto ids = tokenizer->encode(word, {.dropout_key = key});
    EXPECT_EQ(ids, tokenizer->encode(word, {.dropout_key = key}));
    EXPECT_EQ(tokenizer->decode(ids), word);
    different += ids != usual ? 1U : 0U;
  }
  EXPECT_EQ(different, 20U);
  EXPECT_EQ(tokenizer->encode(word), usual) << "the cache holds no random ids";
  json["model"]["dropout"] = 1;
  EXPECT_EQ(open_json(json)->encode(word, {.dropout_key = 1}).size(), word.size());
  EXPECT_EQ(whole->encode(word, {.dropout_key = 1}), usual);
}

// Two symbols that merge stay apart with the model's probability.
TEST(BpeModel, DropoutHasItsProbability) {
  Json json = small_tokenizer();
  json["model"]["dropout"] = 0.25;
  const auto tokenizer = open_json(json);
  int apart = 0;
  constexpr int kTries = 4000;
  for (uint64_t key = 0; key < kTries; ++key)
    apart += tokenizer->encode("ab", {.dropout_key = key}).size() == 2 ? 1 : 0;
  EXPECT_NEAR(apart / double{kTries}, 0.25, 0.03);
}

}  // namespace
}  // namespace weft::text
