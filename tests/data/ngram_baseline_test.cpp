// Unigram and bigram losses against counts made by hand.
#include "data/ngram_baseline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "data_test_util.h"
#include "weft/philox.h"

namespace weft::data {
namespace {

using ::testing::HasSubstr;

class Ngrams : public ::testing::Test {
 protected:
  TokenStream stream(const std::vector<std::vector<int32_t>>& documents) {
    const Path folder = temporary_ / std::to_string(count_++);
    return TokenStream(
        write_tokens_folder(folder, documents, {.vocab_size = 6, .eos = 5, .shard_tokens = 1000}),
        Split::kTrain);
  }
  TemporaryFolder temporary_;
  int count_ = 0;
};

TEST_F(Ngrams, CountAsTheFormulasSay) {
  const NgramModel model(stream({{0, 1, 0, 1, 0, 2}}));  // 0 1 0 1 0 2 5
  EXPECT_DOUBLE_EQ(model.probability(0), 4.0 / 13);
  EXPECT_DOUBLE_EQ(model.probability(1), 3.0 / 13);
  EXPECT_DOUBLE_EQ(model.probability(4), 1.0 / 13);
  // After 0: 1 twice, 2 once; two distinct.
  EXPECT_DOUBLE_EQ(model.probability(0, 1), (2 + 2 * 3.0 / 13) / 5);
  EXPECT_DOUBLE_EQ(model.probability(0, 2), (1 + 2 * 2.0 / 13) / 5);
  EXPECT_DOUBLE_EQ(model.probability(0, 4), (0 + 2 * 1.0 / 13) / 5);
  // Nothing follows 5, and 4 was never seen.
  EXPECT_DOUBLE_EQ(model.probability(5, 1), model.probability(1));
  EXPECT_DOUBLE_EQ(model.probability(4, 1), model.probability(1));
  EXPECT_EQ(model.bigrams(), 4);
}

TEST_F(Ngrams, AreDistributions) {
  for (const int64_t max_bigrams : {0, 1, 3, 1000}) {
    const NgramModel model(stream({{0, 1, 0, 1, 0, 2}, {3, 3, 3, 1}}),
                           {.max_bigrams = max_bigrams});
    double unigrams = 0;
    for (int32_t w = 0; w < 6; ++w) unigrams += model.probability(w);
    EXPECT_NEAR(unigrams, 1, 1e-12);
    for (int32_t v = 0; v < 6; ++v) {
      double bigrams = 0;
      for (int32_t w = 0; w < 6; ++w) bigrams += model.probability(v, w);
      EXPECT_NEAR(bigrams, 1, 1e-12);
    }
    EXPECT_EQ(model.bigrams(), std::min<int64_t>(max_bigrams, 8));
    EXPECT_EQ(model.dropped_pairs() > 0, max_bigrams < 8);
  }
}

TEST_F(Ngrams, LossesAreMeansOverAllTokensButTheFirst) {
  const NgramModel model(stream({{0, 1, 0, 1, 0, 2}}));
  const NgramLosses losses = evaluate(model, stream({{0, 1}}));  // 0 1 5
  EXPECT_EQ(losses.tokens, 2);
  EXPECT_NEAR(losses.unigram,
              -(std::log(model.probability(1)) + std::log(model.probability(5))) / 2, 1e-12);
  EXPECT_NEAR(losses.bigram,
              -(std::log(model.probability(0, 1)) + std::log(model.probability(1, 5))) / 2, 1e-12);
}

TEST_F(Ngrams, BigramsLearnWhatFollowsWhat) {
  std::vector<int32_t> text;
  for (int i = 0; i < 3000; ++i) text.push_back(i % 5);
  const TokenStream tokens = stream({text});
  const NgramLosses losses = evaluate(NgramModel(tokens), tokens);
  EXPECT_NEAR(losses.unigram, std::log(5), 0.01);
  EXPECT_LT(losses.bigram, 0.01);
}

TEST_F(Ngrams, GrowTheirTableWithoutLosingCounts) {
  const Path folder = temporary_ / "large";
  std::vector<int32_t> text;
  for (uint64_t i = 0; i < 100000; ++i) text.push_back(static_cast<int32_t>(philox(1, i)[0] % 500));
  const TokenStream tokens(write_tokens_folder(folder, {text}, {.vocab_size = 501, .eos = 500}),
                           Split::kTrain);
  const NgramModel model(tokens);
  EXPECT_GT(model.bigrams(), 2000);
  double probability_of_pairs_after_3 = 0;
  for (int32_t w = 0; w <= 500; ++w) probability_of_pairs_after_3 += model.probability(3, w);
  EXPECT_NEAR(probability_of_pairs_after_3, 1, 1e-9);
}

TEST_F(Ngrams, SayWhatTheyCannotEvaluate) {
  const NgramModel model(stream({{0, 1}}));
  EXPECT_THAT(error_message([&] { evaluate(model, stream({{}})); }),
              HasSubstr("holds 1 tokens, an evaluation needs 2"));
  const TokenStream other(write_tokens_folder(temporary_ / "other", {{1, 2, 3}}), Split::kTrain);
  EXPECT_THAT(error_message([&] { evaluate(model, other); }),
              HasSubstr("a vocabulary of 300 tokens, the n-gram model one of 6"));
}

}  // namespace
}  // namespace weft::data
