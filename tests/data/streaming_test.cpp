// Reading a tokens folder while `weft prepare` writes it: what is there, waiting for more, and what
// goes wrong; and the order of samples that makes it possible.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <thread>

#include "data/prefetcher.h"
#include "data/prepare.h"
#include "data/sampler.h"
#include "data/streamed_dataset.h"
#include "data_test_util.h"

namespace weft::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(WindowedOrder, IsAPermutationOfEachWindowAndOfEachEpoch) {
  const SampleOrder order(103, 7);
  for (const int64_t window : {1, 2, 10, 64, 103, 1000}) {
    std::vector<int64_t> epochs[2];
    for (int64_t sample = 0; sample < 206; ++sample) {
      const int64_t index = order.within_windows(sample, window, 103);
      EXPECT_EQ(index / window, sample % 103 / window);
      epochs[sample / 103].push_back(index);
    }
    EXPECT_EQ(epochs[0] == epochs[1], window == 1);
    for (auto& epoch : epochs) {
      EXPECT_EQ(std::is_sorted(epoch.begin(), epoch.end()), window == 1);
      EXPECT_EQ(std::set(epoch.begin(), epoch.end()).size(), 103u);
    }
  }
}

TEST(WindowedOrder, DependsOnNothingAfterItsWindow) {
  for (int64_t sample = 0; sample < 1000; ++sample) {
    const int64_t end = (sample / 64 + 1) * 64;
    const int64_t few = SampleOrder(1, 9).within_windows(sample, 64, end);
    EXPECT_EQ(SampleOrder(100'000, 9).within_windows(sample, 64, 100'000), few);
  }
}

// Windows differ in their order, and places are used evenly.
TEST(WindowedOrder, IsUniform) {
  const SampleOrder order(80'000, 3);
  std::array<std::array<int, 8>, 8> counts{};
  for (int64_t sample = 0; sample < 80'000; ++sample)
    ++counts[static_cast<size_t>(sample % 8)]
            [static_cast<size_t>(order.within_windows(sample, 8, 80'000) % 8)];
  double chi_square = 0;
  for (const auto& row : counts)
    for (const int count : row) chi_square += (count - 1250.0) * (count - 1250.0) / 1250.0;
  EXPECT_LE(chi_square, 49 + 4 * std::sqrt(2 * 49.0));  // 49 degrees of freedom, 4 deviations
}

// Prepares in a thread that stops where the test says.
class Streaming : public ::testing::Test {
 protected:
  Streaming() {
    std::string lines;
    for (int i = 0; i < 2000; ++i)
      lines += "{\"text\": \"document " + std::to_string(i) + " of " +
               std::string(static_cast<size_t>(i % 90), 'x') + "\"}\n";
    options_ = {.inputs = {folder_.write("in.jsonl", lines).string()},
                .output = folder_ / "tokens",
                .split = {.size = 0.2},
                .shard_tokens = 5000,
                .save_bytes = 10'000};
    options_.progress = [this](const PrepareProgress& progress) {
      std::unique_lock lock(mutex_);
      saved_ |= progress.saved;
      done_ = progress.bytes_done;
      changed_.notify_all();
      changed_.wait(lock, [&] { return done_ < stop_at_ || stop_at_ < 0; });
      if (stop_at_ == kFail) throw Error("interrupted", ExitCode::kInterrupted);
    };
  }
  ~Streaming() override { end(kGoOn); }

  static constexpr int64_t kGoOn = -1, kFail = -2;
  // Returns when it has read `bytes` and stands still.
  void start(int64_t bytes) {
    stop_at_ = bytes;
    thread_ = std::thread([this] {
      try {
        prepare(ByteIds(), options_);
      } catch (const Error&) {
      }
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_ >= bytes; });
  }
  void end(int64_t how) {
    {
      const std::lock_guard lock(mutex_);
      stop_at_ = how;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  static std::vector<int32_t> ids(const ShuffledBatches& batches, int64_t steps) {
    std::vector<int32_t> all;
    for (int64_t step = 0; step < steps; ++step) {
      const Batch batch = batches.batch(step, 0);
      all.insert(all.end(), batch.input_ids.begin(), batch.input_ids.end());
      all.insert(all.end(), batch.labels.begin(), batch.labels.end());
    }
    return all;
  }
  template <class F>
  static std::string error_of(F body) {
    try {
      body();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  TemporaryFolder folder_;
  PrepareOptions options_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t stop_at_ = 0, done_ = 0;
  bool saved_ = false;
};

constexpr WindowOptions kWindows = {.sequence_len = 32, .document_mask = true};
constexpr BatchOptions kBatches = {.rows = 8, .seed = 5, .shuffle_window = 300};

TEST_F(Streaming, GivesTheSamplesOfTheWholeFolderOneAfterTheOther) {
  start(60'000);
  StreamedDataset dataset(options_.output, {.poll_seconds = 0.005});
  EXPECT_FALSE(dataset.is_complete());
  EXPECT_EQ(current_folder(options_.output), folder_ / ".tokens.unfinished");
  const StreamedWindows windows(dataset, Split::kTrain, kWindows);
  const int64_t before = windows.size();
  EXPECT_GT(before, 300);
  const ShuffledBatches batches(windows, kBatches);
  EXPECT_EQ(batches.labels(0), 8 * 32);
  const std::vector<int32_t> early = ids(batches, 300 / 8);
  EXPECT_FALSE(dataset.is_complete());
  std::thread later([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    end(kGoOn);
  });
  const int64_t steps = 900;  // two epochs and more
  const std::vector<int32_t> streamed = ids(batches, steps);
  later.join();
  EXPECT_TRUE(dataset.is_complete());
  EXPECT_GT(windows.size(), before);
  EXPECT_TRUE(std::equal(early.begin(), early.end(), streamed.begin()));

  const TokenStream whole(options_.output, Split::kTrain);
  const TokenWindows all(whole, kWindows);
  EXPECT_EQ(all.size(), windows.size());
  EXPECT_LT(all.size() * 2, steps * 8);
  EXPECT_TRUE(ids(ShuffledBatches(all, kBatches), steps) == streamed);

  WindowOptions partial = kWindows;
  partial.keep_partial = true;
  const TokenStream held(options_.output, Split::kValidation);
  const StreamedWindows validation(dataset, Split::kValidation, partial);
  EXPECT_EQ(validation.wait_for(1 << 20), TokenWindows(held, partial).size());
}

TEST_F(Streaming, CountsAndTellsWhatItWaitsFor) {
  start(60'000);
  StreamedDataset dataset(options_.output, {.poll_seconds = 0.01});
  const StreamedWindows windows(dataset, Split::kTrain, kWindows);
  BatchOptions all = kBatches;
  all.shuffle_window = 1 << 20;
  const ShuffledBatches batches(windows, all);
  std::string told;
  Prefetcher prefetcher(batches, {.end_step = 10, .while_waiting = [&] {
                                    told = dataset.waiting_for();
                                    end(kGoOn);
                                  }});
  prefetcher.next();
  EXPECT_THAT(told, AllOf(HasSubstr("waiting for data"), HasSubstr("train split of '"),
                          HasSubstr("`weft prepare` is still writing")));
  EXPECT_GE(prefetcher.seconds_waited(), 0.9);
  EXPECT_EQ(dataset.waiting_for(), "");
}

// So many tokens that their number has no int64_t: all that will ever be are waited for.
TEST_F(Streaming, WaitsForTheEndWhereAWindowIsLargerThanAnyCorpus) {
  start(60'000);
  StreamedDataset dataset(options_.output, {.poll_seconds = 0.005});
  const StreamedWindows windows(dataset, Split::kTrain, {.sequence_len = 16'384});
  const int64_t before = windows.size();
  EXPECT_GT(before, 0);
  EXPECT_GT(windows.wait_for(1'000'000'000'000'000, [this] { end(kGoOn); }), before);
  EXPECT_TRUE(dataset.is_complete());
}

TEST_F(Streaming, EndsWithAWaitThatIsStopped) {
  start(60'000);
  StreamedDataset dataset(options_.output, {.poll_seconds = 60});
  const StreamedWindows windows(dataset, Split::kTrain, kWindows);
  BatchOptions all = kBatches;
  all.shuffle_window = 1 << 20;
  const ShuffledBatches batches(windows, all);
  const auto begin = std::chrono::steady_clock::now();
  { const Prefetcher prefetcher(batches, {.end_step = 10}); }
  EXPECT_LE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_THAT(error_of([&] { windows.wait_for(1 << 20); }), HasSubstr("was ended"));
}

TEST_F(Streaming, FailsWhenTheWriterEndsBeforeItsWork) {
  start(60'000);
  StreamedDataset dataset(options_.output, {.poll_seconds = 0.005});
  const StreamedWindows windows(dataset, Split::kTrain, kWindows);
  EXPECT_TRUE(saved_);
  end(kFail);
  EXPECT_THAT(error_of([&] { windows.wait_for(1 << 20); }),
              AllOf(HasSubstr("has ended after"), HasSubstr("run the same `weft prepare` again")));
  // What is there can be read: the writer may be started again.
  Batch batch(1, 32);
  EXPECT_EQ(windows.read(0, batch.row(0)), 32);
  EXPECT_THAT(error_of([&] { StreamedDataset(options_.output); }), HasSubstr("has ended after"));
  EXPECT_THAT(error_of([&] { StreamedDataset(folder_ / "other"); }),
              HasSubstr("is no tokens folder"));
  EXPECT_THAT(error_of([&] { TokenStream(folder_ / ".tokens.unfinished", Split::kTrain); }),
              HasSubstr("is not whole yet"));
  stop_at_ = kGoOn;
  prepare(ByteIds(), options_);
  EXPECT_EQ(TokenStream(options_.output, Split::kTrain).tokens(),
            StreamedDataset(options_.output).stream(Split::kTrain).tokens());
}

// Both commands may be given at once: reading begins when the writer has something to tell.
TEST_F(Streaming, WaitsForAWriterThatHasJustBeenStarted) {
  constexpr ArrivalOptions kPatient = {.grace_seconds = 60, .poll_seconds = 0.002};
  int looks = 0;
  wait_for_arrival(options_.output, kPatient, [&] {
    if (++looks == 3) start(60'000);
  });
  EXPECT_EQ(looks, 3);
  EXPECT_FALSE(StreamedDataset(options_.output).is_complete());
  end(kFail);
  looks = 0;
  done_ = 0;  // what the writer has left is not read before it is back
  wait_for_arrival(options_.output, kPatient, [&] {
    if (++looks == 3) start(30'000);
  });
  EXPECT_EQ(looks, 3);
  end(kGoOn);
  wait_for_arrival(options_.output, kPatient, [&] { ++looks; });
  EXPECT_EQ(looks, 3) << "what is whole is not waited for";
}

TEST_F(Streaming, WaitsForNoWriterInVain) {
  int looks = 0;
  wait_for_arrival(folder_ / "other", {.grace_seconds = 0.05, .poll_seconds = 0.002},
                   [&] { ++looks; });
  EXPECT_GT(looks, 1);
  EXPECT_THAT(
      error_of([&] { wait_for_arrival(folder_ / "other", {}, [] { throw Error("ended"); }); }),
      HasSubstr("ended"));
}

TEST_F(Streaming, FailsWhenNothingComesForTooLong) {
  start(60'000);
  StreamedDataset dataset(options_.output, {.timeout_seconds = 0.05, .poll_seconds = 0.01});
  EXPECT_THAT(error_of([&] { dataset.wait_for(Split::kTrain, 1 << 30); }),
              AllOf(HasSubstr("has got no new shard for"), HasSubstr("data_timeout")));
}

TEST_F(Streaming, FailsWhenTheWriterStartedAnewWithSomethingElse) {
  start(60'000);
  StreamedDataset dataset(options_.output, {.poll_seconds = 0.005});
  end(kFail);
  options_.split.seed = 1;
  done_ = 0;
  start(60'000);
  EXPECT_THAT(error_of([&] { dataset.wait_for(Split::kTrain, 1 << 30); }),
              HasSubstr("was started anew, with another"));
}

TEST_F(Streaming, KnowsTheTextAgainByItsShards) {
  start(60'000);
  StreamedDataset dataset(options_.output, {.poll_seconds = 0.005});
  const ContentMark mark = mark_of(dataset.manifest());
  EXPECT_GT(mark.shards[0], 2);
  end(kFail);
  done_ = 0;
  start(30'000);  // fewer shards are listed for a while
  StreamedDataset again(options_.output, {.poll_seconds = 0.005});
  EXPECT_NE(compare(mark, again.manifest()), Agreement::kOther);
  again.expect(mark, "a run");
  std::thread later([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    end(kGoOn);
  });
  EXPECT_GT(again.wait_for(Split::kTrain, 1), 0);
  EXPECT_EQ(compare(mark, again.manifest()), Agreement::kSame);
  later.join();
  ContentMark other = mark, longer = mark;
  other.hashes[1].back() ^= 1;
  longer.shards[0] = 1 << 20;
  EXPECT_EQ(compare(longer, again.manifest()), Agreement::kTooFew);
  for (const ContentMark& wrong : {other, longer}) {
    StreamedDataset whole(options_.output);
    EXPECT_THAT(error_of([&] { whole.expect(wrong, "a run"); }),
                HasSubstr("holds another text than a run was trained on"));
  }
}

TEST_F(Streaming, GoesOnWithAWriterThatIsStartedAgain) {
  start(60'000);
  StreamedDataset dataset(options_.output, {.poll_seconds = 0.005});
  EXPECT_TRUE(saved_);
  end(kFail);
  done_ = 0;
  start(30'000);  // fewer shards are listed for a while
  const int64_t there = dataset.stream(Split::kTrain).tokens();
  std::thread later([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    end(kGoOn);
  });
  EXPECT_GT(dataset.wait_for(Split::kTrain, 1 << 30), there);
  later.join();
}

}  // namespace
}  // namespace weft::data
