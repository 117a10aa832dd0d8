// Sequences cut from a stream, and the order in which training and evaluation read them.
#include "data/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include <algorithm>
#include <set>

#include "data_test_util.h"

namespace weft::data {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Windows : public ::testing::Test {
 protected:
  TokenStream stream(const std::vector<std::vector<int32_t>>& documents, int64_t shard_tokens = 3) {
    const Path folder = temporary_ / std::to_string(count_++);
    return TokenStream(write_tokens_folder(folder, documents, {.shard_tokens = shard_tokens}),
                       Split::kTrain);
  }
  TemporaryFolder temporary_;
  int count_ = 0;
};

TEST_F(Windows, OverlapByOneTokenThatIsLabelAndInput) {
  const TokenStream tokens = stream({counting(10, 100)});  // 0..8, 299
  const TokenWindows windows(tokens, {.sequence_len = 4});
  ASSERT_EQ(windows.size(), 2);
  Batch batch(1, 4);
  EXPECT_EQ(windows.read(0, batch.row(0)), 4);
  EXPECT_THAT(batch.input_ids, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(batch.labels, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(batch.positions, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(batch.key_range, ElementsAre(0, 1, 0, 2, 0, 3, 0, 4));
  EXPECT_EQ(windows.read(1, batch.row(0)), 4);
  EXPECT_THAT(batch.input_ids, ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(batch.labels, ElementsAre(5, 6, 7, 8));
}

TEST_F(Windows, DropOrPadTheEndOfTheStream) {
  for (int64_t count = 2; count <= 14; ++count) {
    const TokenStream tokens = stream({counting(count, 100)});
    const int64_t labels = count - 1;
    const TokenWindows padded(tokens, {.sequence_len = 4, .keep_partial = true});
    ASSERT_EQ(padded.size(), (labels + 3) / 4);
    int64_t counted = 0;
    Batch batch(1, 4);
    for (int64_t i = 0; i < padded.size(); ++i) {
      const int64_t here = padded.read(i, batch.row(0));
      counted += here;
      ASSERT_EQ(std::count(batch.labels.begin(), batch.labels.end(), kIgnoredLabel), 4 - here);
      ASSERT_THAT(std::vector(batch.labels.begin() + here, batch.labels.end()),
                  Each(kIgnoredLabel));
      ASSERT_THAT(std::vector(batch.input_ids.begin() + here, batch.input_ids.end()), Each(0));
    }
    EXPECT_EQ(counted, labels);
    if (labels >= 4) {
      EXPECT_EQ(TokenWindows(tokens, {.sequence_len = 4}).size(), labels / 4);
    } else {
      EXPECT_THROW(TokenWindows(tokens, {.sequence_len = 4}), Error);
    }
  }
}

TEST_F(Windows, SayWhenTheTextIsTooShort) {
  const TokenStream tokens = stream({counting(4, 100)});
  EXPECT_THAT(error_message([&] { TokenWindows(tokens, {.sequence_len = 4}); }),
              HasSubstr("holds 4 tokens, a sequence needs 5"));
  const TokenStream nothing = stream({});
  EXPECT_THAT(
      error_message([&] { TokenWindows(nothing, {.sequence_len = 4, .keep_partial = true}); }),
      HasSubstr("holds 0 tokens, a sequence needs 2"));
}

TEST_F(Windows, MaskDocuments) {
  // 1 2 3 299 4 299 299 5 6 299
  const TokenStream tokens = stream({{1, 2, 3}, {4}, {}, {5, 6}});
  const TokenWindows windows(tokens,
                             {.sequence_len = 6, .document_mask = true, .keep_partial = true});
  Batch batch(1, 6);
  EXPECT_EQ(windows.read(0, batch.row(0)), 6);
  EXPECT_THAT(batch.input_ids, ElementsAre(1, 2, 3, 299, 4, 299));
  EXPECT_THAT(batch.labels, ElementsAre(2, 3, 299, 4, 299, 299));
  EXPECT_THAT(batch.positions, ElementsAre(0, 1, 2, 3, 0, 1));
  EXPECT_THAT(batch.key_range, ElementsAre(0, 1, 0, 2, 0, 3, 0, 4, 4, 5, 4, 6));
  EXPECT_EQ(windows.read(1, batch.row(0)), 3);
  EXPECT_THAT(batch.input_ids, ElementsAre(299, 5, 6, 0, 0, 0));
  EXPECT_THAT(batch.labels, ElementsAre(5, 6, 299, -100, -100, -100));
  EXPECT_THAT(batch.positions, ElementsAre(0, 0, 1, 2, 3, 4));
  EXPECT_THAT(batch.key_range, ElementsAre(0, 1, 1, 2, 1, 3, 1, 4, 1, 5, 1, 6));
}

TEST_F(Windows, EveryTokenButTheFirstIsALabelOnceInAnEpoch) {
  const TokenStream tokens = stream({counting(121, 1000 - 900), counting(40, 50)}, 17);
  ASSERT_EQ(tokens.tokens(), 161);
  const TokenWindows windows(tokens, {.sequence_len = 8});
  ASSERT_EQ(windows.size(), 20);
  const ShuffledBatches batches(windows, {.rows = 2, .micro_batches = 2, .seed = 3});
  for (const int64_t epoch : {0, 1}) {
    std::vector<int32_t> labels;
    for (int64_t step = 5 * epoch; step < 5 * (epoch + 1); ++step)
      for (int64_t micro_batch = 0; micro_batch < 2; ++micro_batch) {
        const Batch batch = batches.batch(step, micro_batch);
        EXPECT_EQ(batch.tokens, 16);
        labels.insert(labels.end(), batch.labels.begin(), batch.labels.end());
      }
    auto expected = all_tokens(tokens);
    expected.erase(expected.begin());
    std::sort(labels.begin(), labels.end());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(labels, expected);
  }
  EXPECT_NE(batches.batch(0, 0).input_ids, batches.batch(5, 0).input_ids);  // epochs differ
  EXPECT_DOUBLE_EQ(batches.epochs(5), 1.0);
}

TEST_F(Windows, EvaluationReadsEverySequenceOnce) {
  const TokenStream tokens = stream({counting(100, 200)});
  const TokenWindows windows(tokens, {.sequence_len = 7, .keep_partial = true});
  const EvaluationBatches batches(windows, 4);
  EXPECT_EQ(batches.size(), 4);  // 15 windows
  std::vector<int32_t> labels;
  int64_t counted = 0;
  Batch batch(4, 7);
  for (int64_t i = 0; i < batches.size(); ++i) {
    batches.fill(i, batch);
    counted += batch.tokens;
    for (const int32_t label : batch.labels)
      if (label != kIgnoredLabel) labels.push_back(label);
  }
  auto expected = all_tokens(tokens);
  expected.erase(expected.begin());
  EXPECT_EQ(labels, expected);
  EXPECT_EQ(counted, 99);
  EXPECT_THAT(std::vector(batch.labels.end() - 7, batch.labels.end()), Each(kIgnoredLabel));
  EXPECT_THAT(std::vector(batch.positions.end() - 7, batch.positions.end()),
              ElementsAre(0, 1, 2, 3, 4, 5, 6));
}

TEST(SampleOrder, ReadsEverySequenceOnceInEachEpoch) {
  for (const int64_t sequences : {1, 2, 3, 7, 64, 100}) {
    const SampleOrder order(sequences, 11);
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      std::set<int64_t> seen;
      for (int64_t i = 0; i < sequences; ++i) seen.insert(order(epoch * sequences + i));
      EXPECT_EQ(static_cast<int64_t>(seen.size()), sequences);
      EXPECT_EQ(order.epoch(epoch * sequences), epoch);
    }
  }
}

TEST(SampleOrder, DependsOnSeedAndEpoch) {
  const SampleOrder order(1000, 1), same(1000, 1), other(1000, 2);
  int equal_epochs = 0, equal_seeds = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(order(i), same(i));
    equal_epochs += order(i) == order(1000 + i);
    equal_seeds += order(i) == other(i);
  }
  EXPECT_LE(equal_epochs, 12);  // one is expected
  EXPECT_LE(equal_seeds, 12);
}

// A corpus of 10^15 sequences that exists only as numbers.
class VirtualSequences final : public TokenSequences {
 public:
  int64_t size() const override { return 1'000'000'000'000'000; }
  int64_t sequence_len() const override { return 2; }
  int64_t read(int64_t index, const SequenceRow& row) const override {
    row.input_ids[0] = static_cast<int32_t>(index >> 31);
    row.input_ids[1] = static_cast<int32_t>(index & 0x7fffffff);
    row.labels[0] = row.labels[1] = 0;
    set_causal(row);
    return 2;
  }
};

TEST(ShuffledBatches, JumpToAnyPositionInConstantTimeAndMemory) {
  const VirtualSequences sequences;
  const ShuffledBatches batches(sequences, {.rows = 4, .micro_batches = 1, .seed = 5});
  std::set<std::pair<int32_t, int32_t>> seen;
  for (int64_t step = 0; step < 1000; ++step) {
    const Batch batch = batches.batch(250'000'000'000 + step, 0);  // sample 10^12 and after
    for (size_t row = 0; row < 4; ++row)
      seen.insert({batch.input_ids[2 * row], batch.input_ids[2 * row + 1]});
  }
  EXPECT_EQ(seen.size(), 4000u);
}

TEST(ShuffledBatches, DoNotDependOnHowAStepIsSplit) {
  const SyntheticSequences sequences(1000, 16, 1);
  const ShuffledBatches whole(sequences, {.rows = 8, .micro_batches = 1, .seed = 9});
  const ShuffledBatches parts(sequences, {.rows = 2, .micro_batches = 4, .seed = 9});
  for (const int64_t step : {0, 1, 1000}) {
    std::vector<int32_t> joined;
    for (int64_t m = 0; m < 4; ++m) {
      const Batch batch = parts.batch(step, m);
      joined.insert(joined.end(), batch.input_ids.begin(), batch.input_ids.end());
    }
    EXPECT_EQ(joined, whole.batch(step, 0).input_ids);
  }
}

TEST(SyntheticSequences, AreRandomTokensOfTheVocabulary) {
  const SyntheticSequences sequences(10, 1001, 7);
  Batch batch(1, 1001);
  EXPECT_EQ(sequences.read(123, batch.row(0)), 1001);
  std::vector<int> counts(10);
  for (size_t t = 0; t < 1001; ++t) {
    ASSERT_TRUE(batch.input_ids[t] >= 0 && batch.input_ids[t] < 10);
    ++counts[static_cast<size_t>(batch.input_ids[t])];
    ASSERT_TRUE(t == 0 || batch.input_ids[t] == batch.labels[t - 1]);
  }
  for (const int count : counts) EXPECT_TRUE(count > 60 && count < 145) << count;
  Batch again(1, 1001);
  sequences.read(123, again.row(0));
  EXPECT_EQ(again.input_ids, batch.input_ids);
  sequences.read(124, again.row(0));
  EXPECT_NE(again.input_ids, batch.input_ids);
  SyntheticSequences(10, 1001, 8).read(123, again.row(0));
  EXPECT_NE(again.input_ids, batch.input_ids);
}

}  // namespace
}  // namespace weft::data
