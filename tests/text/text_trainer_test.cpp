// Tokenizers learned over characters: BPE with byte fallback, WordPiece, Unigram. Known small
// results, what becomes of rare characters, and text that comes back.
#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>

#include "golden.h"
#include "text/bpe_trainer.h"
#include "text/unigram_estimator.h"
#include "text/unigram_trainer.h"
#include "text/word_piece_trainer.h"
#include "weft/error.h"
#include "weft/parallel_for.h"

namespace weft::text {
namespace {

using nlohmann::json;
using testing::HasSubstr;

WordCounts counts_of(const WordComponents& components, std::string_view text) {
  WordCounts words(std::make_shared<const WordCutter>(components));
  words.add(text);
  return words;
}

std::map<std::string, int64_t> words_of(const WordComponents& components, std::string_view text) {
  const WordCounts words = counts_of(components, text);
  std::map<std::string, int64_t> result;
  for (size_t i = 0; i < words.size(); ++i) result[std::string(words.word(i))] = words.count(i);
  return result;
}

std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// The example of Sennrich et al., 2016.
std::string known_words() {
  return repeated("low ", 5) + repeated("lower ", 2) + repeated("newest ", 6) +
         repeated("widest ", 3);
}

std::string message_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

json model_of(const Tokenizer& tokenizer) {
  return json::parse(tokenizer.files()[0].content)["model"];
}

TEST(WordCutter, CutsWhereKindsMeet) {
  using Words = std::map<std::string, int64_t>;
  EXPECT_EQ(words_of(byte_fallback_words(), "a bc42,\n\nd  e"), (Words{{"\u2581a", 1},
                                                                       {"\u2581bc", 1},
                                                                       {"4", 1},
                                                                       {"2", 1},
                                                                       {",", 1},
                                                                       {"\n\n", 1},
                                                                       {"d", 1},
                                                                       {"\u2581\u2581e", 1}}));
  EXPECT_EQ(words_of(byte_fallback_words(), " 7"), (Words{{"\u2581\u2581", 1}, {"7", 1}}));
  EXPECT_EQ(words_of(unigram_words(true), " \uFF21b  1990. "),
            (Words{{"\u2581Ab", 1}, {"\u25811990", 1}, {".", 1}}));
  EXPECT_EQ(words_of(word_piece_words(true), "\u00C9t\u00E9's"),
            (Words{{"ete", 1}, {"'", 1}, {"s", 1}}));
}

TEST(WordCutter, CutsLongRunsAtPlacesOfTheirOwn) {
  const auto words = words_of(unigram_words(true), std::string(1000, 'x'));
  for (const auto& [word, count] : words) EXPECT_LE(word.size(), 64U + 2) << word;
  EXPECT_EQ(words.at(std::string(64, 'x')), 14);
}

TEST(WordCounts, ForgetTheRarestBeyondTheLimit) {
  const auto cutter = std::make_shared<const WordCutter>(WordRule::kGpt2);
  WordCounts words(cutter, 100 * (WordCounts::kWordCost + 4));
  std::string text = repeated(" often", 50);
  for (int i = 0; i < 200; ++i) {
    text += " w";
    for (int n = i; n > 0; n /= 26) text += static_cast<char>('a' + n % 26);
  }
  const std::string_view view = text;
  words.add(std::span(&view, 1), SerialFor());
  EXPECT_LE(words.size(), 3U);
  EXPECT_EQ(words.forgotten(), 200);
  bool has_often = false;
  for (size_t i = 0; i < words.size(); ++i) has_often = has_often || words.word(i) == " often";
  EXPECT_TRUE(has_often);
}

TEST(ByteFallbackTrainer, MergesTheMostFrequentPairFirst) {
  const WordCounts words = counts_of(byte_fallback_words(), known_words());
  const auto tokenizer =
      train_byte_fallback_bpe(words, {.vocab_size = 3 + 256 + 11 + 4, .character_coverage = 1});
  EXPECT_EQ(model_of(*tokenizer)["merges"],
            json::parse("[[\"e\",\"s\"],[\"es\",\"t\"],[\"l\",\"o\"],[\"\u2581\",\"lo\"]]"));
  EXPECT_EQ(tokenizer->token_text(1), "<s>");
  EXPECT_EQ(tokenizer->special_ids().eos, 2);
}

TEST(ByteFallbackTrainer, AnyTextComesBack) {
  const WordCounts words = counts_of(byte_fallback_words(), known_words());
  const auto tokenizer = train_byte_fallback_bpe(words, {.vocab_size = 300});
  for (const std::string text :
       {"low", "  low", "\u4F60\u597D", "a\n\n b", "\U0001F600 newest", " ", "x\u2028y", "42"}) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
  }
  EXPECT_EQ(tokenizer->encode("\u4F60", {.add_special_tokens = false}).size(), 1U + 3U);
}

TEST(ByteFallbackTrainer, RareCharactersAreBytes) {
  const WordCounts words = counts_of(byte_fallback_words(), repeated("ab ", 1000) + "\u4F60");
  const auto tokenizer =
      train_byte_fallback_bpe(words, {.vocab_size = 280, .character_coverage = 0.99});
  EXPECT_EQ(tokenizer->token_id("\u4F60"), std::nullopt);
  EXPECT_TRUE(tokenizer->token_id("\u2581ab"));
}

TEST(WordPieceTrainer, TokensGoOnWithTwoMarks) {
  const WordCounts words = counts_of(word_piece_words(true), "Low lower lowest lowly low");
  const auto tokenizer = train_word_piece(words, {.vocab_size = 5 + 2 * 8 + 2});
  EXPECT_EQ(tokenizer->token_text(2), "[CLS]");
  EXPECT_TRUE(tokenizer->token_id("low"));
  EXPECT_TRUE(tokenizer->token_id("##y"));
  const auto ids = tokenizer->encode("LOWLY");
  EXPECT_EQ(ids.front(), 2);
  EXPECT_EQ(ids.back(), 3);
  EXPECT_EQ(tokenizer->decode(ids), "lowly");
  EXPECT_EQ(tokenizer->encode("x", {.add_special_tokens = false}), (std::vector<int32_t>{1}));
}

TEST(TextTrainers, SayWhatIsWrong) {
  const SerialFor serial;
  const WordCounts words = counts_of(unigram_words(true), "ab ab");
  const auto message = [&](const TextTrainOptions& options) {
    return message_of([&] { train_unigram(words, options, serial); });
  };
  EXPECT_THAT(message({.vocab_size = 100}), HasSubstr("it must be from 281"));
  EXPECT_THAT(message({.special_tokens = {"<s>"}}), HasSubstr("'<s>' is there twice"));
  EXPECT_THAT(message({.special_tokens = {"x"}}), HasSubstr("is a single character"));
  EXPECT_THAT(message({.character_coverage = 0}), HasSubstr("must be above 0"));
  EXPECT_THAT(message_of([&] { train_word_piece(counts_of(word_piece_words(true), " \n"), {}); }),
              HasSubstr("has no text"));
  EXPECT_THAT(message_of([&] { train_bpe(words, {}); }), HasSubstr("words cut by a rule"));
}

// All substrings, counted one by one.
TEST(UnigramSeeds, AreTheSubstringsThatRepeat) {
  const std::string text = "banana bandana bandana nanana xyxyxyxyxyxyxyxyxyxyxy banner";
  const WordCounts counts = counts_of(unigram_words(true), text);
  const TextAlphabet alphabet(counts, 1);
  const CoveredWords words(counts, alphabet);
  std::map<std::string, int64_t> expected;
  for (const CoveredWords::Word& word : words.words()) {
    std::u32string letters;
    for (size_t at = 0; at < word.size; at += utf8_at(words.text(word), at).size)
      letters += static_cast<char32_t>(utf8_at(words.text(word), at).code);
    for (size_t begin = 0; begin < letters.size(); ++begin)
      for (size_t size = 2; size <= 16 && begin + size <= letters.size(); ++size) {
        std::string piece;
        for (const char32_t c : letters.substr(begin, size)) append_utf8(piece, c);
        expected[piece] += word.count;
      }
  }
  std::set<std::string> found;
  for (const Seed& seed : find_seeds(words, alphabet, {}, SerialFor())) {
    EXPECT_EQ(expected.at(seed.text), seed.count) << seed.text;
    found.insert(seed.text);
  }
  // Each of the others is followed by one and the same character wherever it stands.
  for (const auto& [piece, count] : expected) {
    if (count < 2 || found.contains(piece)) continue;
    int longer = 0;
    for (const auto& [other, times] : expected)
      if (other.size() > piece.size() && other.starts_with(piece) && times == count) ++longer;
    EXPECT_GT(longer, 0) << piece;
  }
  EXPECT_TRUE(found.contains("ana"));
  EXPECT_FALSE(found.contains("band"));
}

TEST(UnigramSeeds, KeepTheBest) {
  const WordCounts counts = counts_of(unigram_words(true), repeated("abcabc xyz ", 9));
  const TextAlphabet alphabet(counts, 1);
  const auto seeds =
      find_seeds(CoveredWords(counts, alphabet), alphabet, {.most_pieces = 1}, SerialFor());
  ASSERT_EQ(seeds.size(), 1U);
  EXPECT_EQ(seeds[0].text, "\u2581abcabc");
  EXPECT_EQ(seeds[0].count, 9);
}

// Against sums over all segmentations, written out.
TEST(UnigramEstimator, ExpectsWhatAllSegmentationsSay) {
  const WordCounts counts = counts_of(unigram_words(true), "ab ab ab");
  const TextAlphabet alphabet(counts, 1);
  const CoveredWords words(counts, alphabet);
  const std::vector<UnigramPiece> pieces = {{"\u2581", std::log(0.1), true},
                                            {"a", std::log(0.2), true},
                                            {"b", std::log(0.3), true},
                                            {"\u2581a", std::log(0.15), false},
                                            {"ab", std::log(0.25), false}};
  const UnigramEstimator estimator(words, pieces);
  const double one = 0.1 * 0.2 * 0.3, two = 0.15 * 0.3, three = 0.1 * 0.25;
  const double sum = one + two + three;
  const std::vector<double> expected = {3 * (one + three) / sum, 3 * one / sum,
                                        3 * (one + two) / sum, 3 * two / sum, 3 * three / sum};
  const auto found = estimator.expected_counts(SerialFor());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12) << i;
  EXPECT_EQ(estimator.best_counts(SerialFor()), (std::vector<double>{0, 0, 3, 3, 0}));
  EXPECT_EQ(estimator.alternative(4), (std::vector<size_t>{1, 2}));
}

TEST(UnigramEstimator, DigammaIsTheDerivativeOfLogGamma) {
  EXPECT_NEAR(digamma(1), -0.57721566490153286, 1e-12);
  EXPECT_NEAR(digamma(0.5), -1.96351002602142348, 1e-12);
  EXPECT_NEAR(digamma(10), 2.25175258906672110, 1e-12);
  EXPECT_NEAR(digamma(1e6), 13.8155100579642741, 1e-11);
}

TEST(UnigramTrainer, FindsWordsAndGivesTextBack) {
  const WordCounts words = counts_of(unigram_words(false), repeated(known_words(), 20));
  const auto tokenizer = train_unigram(words, {.vocab_size = 310}, SerialFor());
  EXPECT_EQ(tokenizer->name(), "unigram");
  EXPECT_LE(tokenizer->vocab_size(), 310);
  EXPECT_TRUE(tokenizer->token_id("\u2581newest"));
  EXPECT_EQ(tokenizer->encode("newest low").size(), 2U);
  for (const std::string text : {"low", "  lowly", "\u4F60\u597D", "a\n\n b", "<0x41>", " "})
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
  double before = 0;
  const json vocab = model_of(*tokenizer)["vocab"];
  for (size_t id = 3 + 256; id < vocab.size(); ++id) {
    const double score = vocab[id][1];
    EXPECT_TRUE(id == 3 + 256 || score <= before) << id;
    before = score;
  }
}

TEST(UnigramTrainer, LeavesAsManyPiecesAsAsked) {
  const std::string folder = golden::data_folder();
  // The corpus is not part of the repository.
  if (folder.empty()) GTEST_SKIP() << "WEFT_DATA has no data";
  const std::string text = golden::read(folder + "/tinyshakespeare/input.txt").substr(0, 150000);
  const WordCounts words = counts_of(unigram_words(true), text);
  const auto tokenizer = train_unigram(words, {.vocab_size = 1500}, SerialFor());
  EXPECT_EQ(tokenizer->vocab_size(), 1500);
  EXPECT_LT(tokenizer->encode(text).size() * 3, text.size());
}

}  // namespace
}  // namespace weft::text
