// Training of byte-pair encodings: known small results, order and threads do not matter, the file
// is what Hugging Face writes, and it encodes what it was trained on.
#include <algorithm>

#include "text/bpe_trainer.h"

#include <gmock/gmock.h>

#include "golden.h"
#include "weft/error.h"

namespace weft::text {
namespace {

using testing::HasSubstr;

WordCounts counts_of(std::string_view text) {
  WordCounts words;
  words.add(text);
  return words;
}

std::string trained_file(const WordCounts& words, const BpeTrainOptions& options) {
  return train_bpe(words, options)->files()[0].content;
}

nlohmann::json merges_of(const WordCounts& words, const BpeTrainOptions& options) {
  return nlohmann::json::parse(trained_file(words, options))["model"]["merges"];
}

TEST(WordCounts, CountsWordsOfGpt2) {
  WordCounts words = counts_of("the cat the dog");
  words.add(" the");
  ASSERT_EQ(words.size(), 4u);
  std::vector<std::pair<std::string, int64_t>> sorted;
  for (const size_t i : words.sorted()) sorted.emplace_back(words.word(i), words.count(i));
  EXPECT_THAT(sorted, testing::ElementsAre(std::pair(" cat", 1), std::pair(" dog", 1),
                                           std::pair(" the", 2), std::pair("the", 1)));
  words.add(words);
  EXPECT_EQ(words.count(words.sorted()[2]), 4);
  EXPECT_EQ(counts_of("").size(), 0u);
}

TEST(WordCounts, GrowsAndKeepsEveryWord) {
  WordCounts words;
  for (int i = 0; i < 50000; ++i)
    words.add("w" + std::string(1, static_cast<char>('a' + i % 26)) + std::to_string(i % 7919));
  int64_t total = 0;
  for (size_t i = 0; i < words.size(); ++i) total += words.count(i);
  EXPECT_EQ(total, 100000);  // letters and numbers are words of their own
  EXPECT_EQ(words.size(), 26u + 7919u);
}

// The example of Sennrich et al., 2016, with the words as GPT-2 would cut them.
TEST(BpeTrainer, MergesTheMostFrequentPairFirst) {
  std::string text;
  const auto add = [&](const char* word, int times) {
    for (int i = 0; i < times; ++i) text += std::string(word) + "\n";
  };
  add("low", 5);
  add("lower", 2);
  add("newest", 6);
  add("widest", 3);
  const auto merges = merges_of(counts_of(text), {.vocab_size = 257 + 4});
  EXPECT_EQ(merges, nlohmann::json::parse(R"([["e","s"],["es","t"],["l","o"],["lo","w"]])"));
}

TEST(BpeTrainer, EqualCountsGoByIds) {
  // "ab" and "cd" are as frequent; a and b have the lower ids.
  EXPECT_EQ(merges_of(counts_of("cd\ncd\nab\nab\n"), {.vocab_size = 259}),
            nlohmann::json::parse(R"([["a","b"],["c","d"]])"));
}

TEST(BpeTrainer, RareAndMissingPairsEndTheTraining) {
  const auto words = counts_of("ab\nab\ncd\n");
  EXPECT_EQ(train_bpe(words, {.vocab_size = 300})->vocab_size(), 258);
  EXPECT_EQ(train_bpe(words, {.vocab_size = 300, .min_frequency = 0})->vocab_size(), 259);
  EXPECT_EQ(train_bpe(words, {.vocab_size = 300, .min_frequency = 3})->vocab_size(), 257);
}

TEST(BpeTrainer, RunsOfOneLetterMerge) {
  const auto tokenizer = train_bpe(counts_of("aaaaaaa\naaaaaaa\n"), {.vocab_size = 260});
  const auto ids = tokenizer->encode("aaaaaaa");
  EXPECT_LT(ids.size(), 4u);
  EXPECT_EQ(tokenizer->decode(ids), "aaaaaaa");
}

// A word without end: its tokens double until one more would be too long to be read again.
TEST(BpeTrainer, TokensDoNotGrowBeyondWhatIsRead) {
  std::string text(100'000, 'a');
  text += " bc bc bc";
  const nlohmann::json merges = merges_of(counts_of(text), {.vocab_size = 400, .min_frequency = 2});
  size_t longest = 0;
  for (const auto& merge : merges)
    longest = std::max(longest, merge[0].get_ref<const std::string&>().size() +
                                    merge[1].get_ref<const std::string&>().size());
  EXPECT_EQ(longest, 4096u);
  EXPECT_THAT(merges, testing::Contains(nlohmann::json({"b", "c"})));
  WordCounts pieces(std::make_shared<const WordCutter>(byte_fallback_words()));
  pieces.add(text);
  EXPECT_NO_THROW(train_byte_fallback_bpe(pieces, {.vocab_size = 400}));
}

TEST(BpeTrainer, SpecialTokensComeFirst) {
  const auto tokenizer =
      train_bpe(counts_of("ab ab"), {.vocab_size = 300, .special_tokens = {"<end>", "<pad>"}});
  EXPECT_EQ(tokenizer->token_text(0), "<end>");
  EXPECT_EQ(tokenizer->token_text(1), "<pad>");
  EXPECT_EQ(tokenizer->token_text(2), "!");
  EXPECT_EQ(tokenizer->special_ids().eos, 0);
  EXPECT_TRUE(tokenizer->is_special(1));
  EXPECT_EQ(tokenizer->encode("<pad>!"), (std::vector<int32_t>{1, 2}));
  // All bytes have tokens, whatever the corpus had.
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(bytes), {.replace_invalid_utf8 = false}), bytes);
}

TEST(BpeTrainer, WritesTheFileAsHuggingFaceDoes) {
  const std::string file = trained_file(counts_of("ab ab"), {.vocab_size = 258});
  const std::string head = R"({
  "version": "1.0",
  "truncation": null,
  "padding": null,
  "added_tokens": [
    {
      "id": 0,
      "content": "<|endoftext|>",
      "single_word": false,
      "lstrip": false,
      "rstrip": false,
      "normalized": false,
      "special": true
    }
  ],
  "normalizer": null,
  "pre_tokenizer": {
    "type": "ByteLevel",
    "add_prefix_space": false,
    "trim_offsets": true,
    "use_regex": true
  },
  "post_processor": {
    "type": "ByteLevel",
    "add_prefix_space": true,
    "trim_offsets": false,
    "use_regex": true
  },
  "decoder": {
    "type": "ByteLevel",
    "add_prefix_space": true,
    "trim_offsets": true,
    "use_regex": true
  },
  "model": {
    "type": "BPE",
    "dropout": null,
    "unk_token": null,
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": false,
    "byte_fallback": false,
    "ignore_merges": false,
    "vocab": {
      "<|endoftext|>": 0,
      "!": 1,
      "\"": 2,
)";
  EXPECT_THAT(file, testing::StartsWith(head));
  EXPECT_THAT(file, testing::EndsWith(
                        "      \"ab\": 257\n    },\n    \"merges\": [\n      [\n        \"a\",\n"
                        "        \"b\"\n      ]\n    ]\n  }\n}"));
}

TEST(BpeTrainer, OtherRulesAreWrittenIntoTheFile) {
  WordCounts words(WordRule::kLlama3);
  words.add("12345 12345");
  const auto tokenizer = train_bpe(words, {.vocab_size = 300});
  const auto file = nlohmann::json::parse(tokenizer->files()[0].content);
  EXPECT_EQ(file["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"],
            expression_of(WordRule::kLlama3));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("123456 x")), "123456 x");
  EXPECT_EQ(tokenizer->encode("12345").size(), 2u);  // "123" and "45"
}

TEST(BpeTrainer, SaysWhatIsWrong) {
  const auto message = [](const WordCounts& words, const BpeTrainOptions& options) -> std::string {
    try {
      train_bpe(words, options);
    } catch (const Error& error) {
      return error.what();
    }
    return "trained";
  };
  const auto words = counts_of("ab");
  EXPECT_THAT(message(words, {.vocab_size = 256}), HasSubstr("it must be from 257"));
  EXPECT_THAT(message(words, {.vocab_size = 5000000}), HasSubstr("to 4194304"));
  EXPECT_THAT(message(words, {.special_tokens = {""}}), HasSubstr("is empty"));
  EXPECT_THAT(message(words, {.special_tokens = {"<x>", "<x>"}}),
              HasSubstr("'<x>' is there twice"));
  EXPECT_THAT(message(words, {.special_tokens = {"a"}}), HasSubstr("'a' is the token of a byte"));
  EXPECT_THAT(message(WordCounts(), {}), HasSubstr("has no text"));
}

TEST(BpeTrainer, TellsHowFarItIs) {
  std::vector<int64_t> told;
  std::string text;
  for (int i = 0; i < 4000; ++i) text += " w" + std::to_string(i * i) + "x" + std::to_string(i);
  BpeTrainOptions options{.vocab_size = 1200};
  options.progress = [&](int64_t tokens) { told.push_back(tokens); };
  train_bpe(counts_of(text), options);
  ASSERT_FALSE(told.empty());
  EXPECT_TRUE(std::ranges::is_sorted(told));
  EXPECT_LE(told.back(), 1200);
}

TEST(BpeTrainer, OrderOfTextsDoesNotMatter) {
  const std::string folder = golden::data_folder();
  // The corpus is not part of the repository.
  if (folder.empty()) GTEST_SKIP() << "WEFT_DATA has no data";
  const std::string text = golden::read(folder + "/tinyshakespeare/input.txt");
  const auto lines = golden::lines_of(text.substr(0, 200000));
  WordCounts forward, backward;
  for (size_t i = 0; i < lines.size(); ++i) {
    forward.add(lines[i]);
    backward.add(lines[lines.size() - 1 - i]);
  }
  const BpeTrainOptions options{.vocab_size = 1000};
  const std::string file = trained_file(forward, options);
  EXPECT_EQ(file, trained_file(backward, options));
  // Compared once by hand with the file of Hugging Face's trainer
  // (tests/interop/check_tokenizers.py).
  const auto tokenizer = parse_tokenizer_json(file, "trained");
  EXPECT_EQ(tokenizer->vocab_size(), 1000);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
  EXPECT_LT(tokenizer->encode(text).size() * 2, text.size());
}

}  // namespace
}  // namespace weft::text
