// Threads change neither the order nor the bytes, and every error is the one a single thread finds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "data/ordered_pipeline.h"
#include "data/prepare.h"
#include "data_test_util.h"
#include "weft/philox.h"

namespace weft::data {
namespace {

using ::testing::HasSubstr;

struct Log {
  std::vector<int> written;
  int read = 0;
};

// Numbers 0 .. count - 1, doubled; `fails` names the number at which a stage throws.
std::string run_numbers(int threads, int count, int fails_in_work, int fails_in_write, Log& log) {
  try {
    run_ordered<int>(
        threads,
        [&](int& item) {
          item = log.read++;
          return item < count;
        },
        [&](int& item) {
          if (item == fails_in_work) throw Error("work " + std::to_string(item));
          for (uint64_t i = 0; i < philox(1, static_cast<uint64_t>(item))[0] % 2000; ++i)
            item ^= static_cast<int>(philox(0, i)[0] & 0);
          item *= 2;
        },
        [&](int& item) {
          if (item == 2 * fails_in_write) throw Error("write " + std::to_string(item / 2));
          log.written.push_back(item);
        });
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(OrderedPipelineThreads, WritesInTheOrderOfReading) {
  for (const int threads : {1, 2, 3, 8})
    for (const int count : {0, 1, 2, 500}) {
      Log log;
      EXPECT_EQ(run_numbers(threads, count, -1, -1, log), "");
      ASSERT_EQ(static_cast<int>(log.written.size()), count);
      for (int i = 0; i < count; ++i) ASSERT_EQ(log.written[static_cast<size_t>(i)], 2 * i);
    }
}

TEST(OrderedPipelineThreads, ThrowsTheErrorThatASingleThreadWould) {
  for (const int threads : {1, 2, 8}) {
    Log log;
    EXPECT_EQ(run_numbers(threads, 500, 100, 300, log), "work 100");
    EXPECT_EQ(log.written.size(), 100u);
    Log other;
    EXPECT_EQ(run_numbers(threads, 500, 400, 3, other), "write 3");
    EXPECT_EQ(other.written.size(), 3u);
  }
}

char letter(uint32_t random) {
  return "abcdefghijklmnopqrstuvwxyz"[random % 26];
}

class PrepareThreads : public ::testing::Test {
 protected:
  PrepareThreads() {
    std::string jsonl, text;
    for (uint64_t i = 0; i < 3000; ++i) {
      const auto random = philox(7, i);
      jsonl += "{\"text\": \"" + std::string(random[0] % 1500, letter(random[1])) +
               std::to_string(i) + "\"}\n";
      text += std::string(random[2] % 900, letter(random[3])) + "\n";
    }
    options_.inputs = {folder_.write("a.jsonl", jsonl).string(),
                       folder_.write("b.txt", text).string()};
    options_.shard_tokens = 100000;
  }
  // All bytes of the folder, names included.
  std::string bytes_with(int threads) {
    options_.threads = threads;
    options_.output = folder_ / ("tokens" + std::to_string(threads));
    prepare(ByteIds(), options_);
    std::string all;
    for (const std::string& name : real_file_system().list(options_.output))
      all += name + "\n" + real_file_system().read(options_.output / name, 1 << 28);
    return all;
  }
  TemporaryFolder folder_;
  PrepareOptions options_;
};

TEST_F(PrepareThreads, GivesTheSameBytesWhateverTheThreads) {
  for (const SplitBy by : {SplitBy::kHash, SplitBy::kTail}) {
    options_.split.by = by;
    options_.overwrite = true;
    const std::string one = bytes_with(1);
    EXPECT_GT(one.size(), 5u << 20);
    EXPECT_TRUE(one == bytes_with(2));
    EXPECT_TRUE(one == bytes_with(7));
  }
}

// Duplicates are decided in the order of the documents, whichever thread comes first.
TEST_F(PrepareThreads, GivesTheSameBytesWithStagesThatRemember) {
  std::string jsonl;
  for (uint64_t i = 0; i < 2000; ++i) {
    const auto random = philox(3, i);
    jsonl += "{\"text\": \"";
    for (uint32_t word = 0; word < 40; ++word)
      jsonl += "w" + std::to_string(random[0] % 700 * 100 + word) + " ";
    jsonl += (random[1] % 2 == 0 ? "one" : std::to_string(i)) + "\"}\n";
  }
  options_.inputs.push_back(folder_.write("c.jsonl", jsonl).string());
  options_.stages = {{.stage = StageKind::kExactDuplicates},
                     {.stage = StageKind::kLength, .max_chars = 900},
                     {.stage = StageKind::kNearDuplicates}};
  const std::string one = bytes_with(1);
  EXPECT_NE(one.find("nearly equal to an earlier document"), one.npos);
  EXPECT_TRUE(one == bytes_with(2));
  EXPECT_TRUE(one == bytes_with(7));
}

TEST_F(PrepareThreads, TellsItsProgress) {
  options_.threads = 3;
  options_.output = folder_ / "tokens";
  PrepareProgress last;
  int calls = 0;
  options_.progress = [&](const PrepareProgress& progress) {
    EXPECT_LE(last.bytes_done, progress.bytes_done);
    EXPECT_LE(last.tokens, progress.tokens);
    EXPECT_LE(progress.bytes_done, progress.bytes_total);
    last = progress;
    ++calls;
  };
  prepare(ByteIds(), options_);
  EXPECT_GE(calls, 3);
  EXPECT_GT(last.bytes_done, last.bytes_total - 1000);
}

TEST_F(PrepareThreads, IsEndedByItsProgressCallback) {
  options_.threads = 3;
  options_.output = folder_ / "tokens";
  options_.progress = [](const PrepareProgress&) { throw Error("interrupted"); };
  EXPECT_THAT(error_message([&] { prepare(ByteIds(), options_); }), HasSubstr("interrupted"));
  EXPECT_EQ(real_file_system().list(folder_.path()),
            (std::vector<std::string>{"a.jsonl", "b.txt"}));
}

}  // namespace
}  // namespace weft::data
