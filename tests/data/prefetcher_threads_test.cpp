// The ring of batches between a thread and its consumer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "data/prefetcher.h"
#include "data/sampler.h"

namespace weft::data {
namespace {

class SlowBatches final : public BatchSource {
 public:
  int64_t rows() const override { return 2; }
  int64_t sequence_len() const override { return 3; }
  int64_t micro_batches() const override { return 2; }
  void fill(int64_t step, int64_t micro_batch, Batch& out) const override {
    if (step == fails_at) throw Error("shard 'a' is damaged");
    if (made_sleep > std::chrono::milliseconds(0)) std::this_thread::sleep_for(made_sleep);
    std::fill(out.input_ids.begin(), out.input_ids.end(),
              static_cast<int32_t>(step * 2 + micro_batch));
    out.tokens = step;
    ++made;
  }
  int64_t fails_at = -1;
  std::chrono::milliseconds made_sleep{0};
  mutable std::atomic<int64_t> made{0};
};

TEST(PrefetcherThreads, GivesTheSameBatchesInTheSameOrder) {
  const SyntheticSequences sequences(1000, 16, 1);
  const ShuffledBatches batches(sequences, {.rows = 3, .micro_batches = 2, .seed = 9});
  for (const int64_t depth : {2, 3, 8}) {
    Prefetcher prefetcher(batches, {.first_step = 5, .end_step = 25, .depth = depth});
    for (int64_t step = 5; step < 25; ++step)
      for (int64_t m = 0; m < 2; ++m) {
        const Batch& batch = prefetcher.next();
        const Batch expected = batches.batch(step, m);
        ASSERT_EQ(batch.input_ids, expected.input_ids);
        ASSERT_EQ(batch.labels, expected.labels);
        ASSERT_EQ(batch.positions, expected.positions);
        ASSERT_EQ(batch.key_range, expected.key_range);
        ASSERT_EQ(batch.tokens, expected.tokens);
      }
  }
}

TEST(PrefetcherThreads, UsesTheSameMemoryAgainAndAgain) {
  const SlowBatches batches;
  Prefetcher prefetcher(batches, {.end_step = 100, .depth = 3});
  std::set<const int32_t*> places;
  for (int i = 0; i < 200; ++i) {
    const Batch& batch = prefetcher.next();
    ASSERT_THAT(batch.input_ids, ::testing::Each(i));  // not overwritten while it is in use
    places.insert(batch.input_ids.data());
  }
  EXPECT_EQ(places.size(), 3u);
}

TEST(PrefetcherThreads, WorksAheadByItsDepthAndNoMore) {
  const SlowBatches batches;
  Prefetcher prefetcher(batches, {.end_step = 100, .depth = 4});
  while (batches.made < 4) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(batches.made, 4);
  prefetcher.next();  // gives out a batch, frees none: it is in use
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(batches.made, 4);
  prefetcher.next();
  while (batches.made < 5) std::this_thread::yield();
}

TEST(PrefetcherThreads, CarriesErrorsToTheBatchWhereTheyHappened) {
  SlowBatches batches;
  batches.fails_at = 3;
  Prefetcher prefetcher(batches, {.end_step = 100, .depth = 4});
  for (int i = 0; i < 6; ++i) EXPECT_NO_THROW(prefetcher.next());
  EXPECT_THROW(prefetcher.next(), Error);
  EXPECT_THROW(prefetcher.next(), Error);
}

TEST(PrefetcherThreads, StopsAtAnyTime) {
  SlowBatches batches;
  batches.made_sleep = std::chrono::milliseconds(1);
  for (int taken = 0; taken < 12; ++taken) {
    Prefetcher prefetcher(batches, {.end_step = 1000, .depth = 2});
    for (int i = 0; i < taken; ++i) prefetcher.next();
  }
  Prefetcher nothing_to_do(batches, {.first_step = 7, .end_step = 7});
}

TEST(PrefetcherThreads, MeasuresWaiting) {
  SlowBatches batches;
  batches.made_sleep = std::chrono::milliseconds(20);
  Prefetcher prefetcher(batches, {.end_step = 2, .depth = 2});
  for (int i = 0; i < 4; ++i) prefetcher.next();
  EXPECT_GE(prefetcher.seconds_waited(), 0.04);
}

}  // namespace
}  // namespace weft::data
