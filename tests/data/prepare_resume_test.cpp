// Interrupted anywhere, run again: the folder is the one that an undisturbed run writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "data/prepare.h"
#include "data_test_util.h"
#include "tests/core/faulty_file_system.h"
#include "weft/philox.h"

namespace weft::data {
namespace {

using ::testing::HasSubstr;

class PrepareResume : public ::testing::Test {
 protected:
  // Documents of which some are equal and some nearly so, in a few shards, with a state every 16
  // KiB.
  PrepareResume() {
    for (uint64_t file = 0; file < 3; ++file) write(file, 150);
    options_.stages = {{.stage = StageKind::kExactDuplicates},
                       {.stage = StageKind::kNearDuplicates},
                       {.stage = StageKind::kPersonalData}};
    options_.shard_tokens = 9000;
    options_.save_bytes = 16 << 10;
    options_.split.size = 0.1;
  }
  void write(uint64_t file, uint64_t count) {
    std::string lines;
    for (uint64_t i = 0; i < count; ++i) {
      const auto random = philox(file, i);
      lines += "{\"text\": \"";
      for (uint32_t word = 0; word < 40; ++word)
        lines += "w" + std::to_string(random[0] % 60 * 100 + word) + " ";
      lines += (random[1] % 2 == 0 ? "one" : std::to_string(random[2])) + " me@here.org\"}\n";
    }
    const std::string name = "in" + std::to_string(file) + ".jsonl";
    folder_.write(name, lines);
    const std::string path = (folder_ / name).string();
    if (std::find(options_.inputs.begin(), options_.inputs.end(), path) == options_.inputs.end())
      options_.inputs.push_back(path);
  }
  std::string bytes_of(const std::string& name) {
    std::string all;
    for (const std::string& file : real_file_system().list(folder_ / name))
      all += file + "\n" + real_file_system().read(folder_ / name / file, 1 << 28);
    return all;
  }
  std::string undisturbed() {
    options_.output = folder_ / "whole";
    prepare(ByteIds(), options_);
    options_.output = folder_ / "tokens";
    return bytes_of("whole");
  }
  bool exists(const std::string& name) {
    return real_file_system().status(folder_ / name).kind != FileKind::kMissing;
  }

  TemporaryFolder folder_;
  PrepareOptions options_;
};

TEST_F(PrepareResume, AfterACrashAtEveryFileOperation) {
  const std::string whole = undisturbed();
  int continued = 0, crashed = 0;
  FaultyFileSystem counted;
  prepare(ByteIds(), options_, counted);
  EXPECT_TRUE(bytes_of("tokens") == whole);
  for (int64_t at = 0; at < counted.operations(); at += 4) {
    remove_tree(real_file_system(), folder_ / "tokens");
    FaultyFileSystem files(Fault::kCrash, at);
    try {
      prepare(ByteIds(), options_, files);
    } catch (const Crash&) {
      ++crashed;
    }
    options_.overwrite = true;  // the crash may have come after the last rename
    bool from_state = false, first = true;
    options_.progress = [&](const PrepareProgress& progress) {
      if (first) from_state = progress.saved && progress.tokens > 0;
      first = false;
    };
    prepare(ByteIds(), options_);
    options_.progress = nullptr;
    continued += from_state;
    ASSERT_TRUE(bytes_of("tokens") == whole) << at;
    ASSERT_FALSE(exists(".tokens.unfinished"));
  }
  EXPECT_GT(crashed, 20);
  EXPECT_GT(continued, crashed / 2);
}

TEST_F(PrepareResume, AfterItsProcessWasKilled) {
  const std::string whole = undisturbed();
  int killed = 0;
  for (int attempt = 0; attempt < 200; ++attempt) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      options_.threads = 2;
      options_.progress = [](const PrepareProgress&) { usleep(300); };
      prepare(ByteIds(), options_);
      _exit(0);
    }
    usleep(static_cast<useconds_t>(2000 + philox(1, static_cast<uint64_t>(attempt))[0] % 8000));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status)) {
      if (killed > 0) break;
      remove_tree(real_file_system(), folder_ / "tokens");  // we were not given time before its end
      continue;
    }
    ++killed;
    ASSERT_FALSE(exists("tokens") && bytes_of("tokens") != whole);
    if (exists("tokens")) break;
  }
  EXPECT_GE(killed, 1);
  if (!exists("tokens")) prepare(ByteIds(), options_);
  EXPECT_TRUE(bytes_of("tokens") == whole);
}

TEST_F(PrepareResume, AfterAnInterruptWithAnotherNumberOfThreads) {
  const std::string whole = undisturbed();
  int calls = 0;
  options_.progress = [&](const PrepareProgress& progress) {
    if (progress.saved && ++calls == 2) throw Error("stop", ExitCode::kInterrupted);
  };
  EXPECT_THAT(error_message([&] { prepare(ByteIds(), options_); }), HasSubstr("stop"));
  EXPECT_TRUE(exists(".tokens.unfinished"));
  options_.progress = nullptr;
  options_.threads = 3;
  prepare(ByteIds(), options_);
  EXPECT_TRUE(bytes_of("tokens") == whole);
}

// Going on begins with reading what was read before, which takes a while.
TEST_F(PrepareResume, AfterAnInterruptWhileItFindsItsPlaceAgain) {
  const std::string whole = undisturbed();
  const auto interrupt_at = [&](int64_t bytes) {
    int64_t seen = 0;
    options_.progress = [&](const PrepareProgress& progress) {
      seen = progress.bytes_done;
      if (progress.saved && seen >= bytes) throw Error("stop", ExitCode::kInterrupted);
    };
    EXPECT_THAT(error_message([&] { prepare(ByteIds(), options_); }), HasSubstr("stop"));
    EXPECT_TRUE(exists(".tokens.unfinished/progress.json"));
    return seen;
  };
  const int64_t done = interrupt_at(80 << 10);
  EXPECT_LT(interrupt_at(0), done / 2);
  EXPECT_LT(interrupt_at(20 << 10), done / 2);
  int64_t least_tokens = INT64_MAX;
  options_.progress = [&](const PrepareProgress& progress) {
    least_tokens = std::min(least_tokens, progress.tokens);
  };
  prepare(ByteIds(), options_);
  EXPECT_GT(least_tokens, 0) << "it went on from what was saved";
  EXPECT_TRUE(bytes_of("tokens") == whole);
}

TEST_F(PrepareResume, AfterADiskThatWasFullOrFailed) {
  const std::string whole = undisturbed();
  FaultyFileSystem counted;
  prepare(ByteIds(), options_, counted);
  for (const Fault fault : {Fault::kDiskFull, Fault::kShortWrite, Fault::kIoError}) {
    int kept = 0, from_state = 0;
    for (int64_t at = 1; at < counted.operations(); at += 9) {
      remove_tree(real_file_system(), folder_ / "tokens");
      FaultyFileSystem files(fault, at);
      std::string message;
      try {
        prepare(ByteIds(), options_, files);  // a file that cannot be removed is no failure
      } catch (const Error& error) {
        message = error.what();
      }
      const bool says = message.find("the same command goes on from there") != message.npos;
      ASSERT_EQ(exists(".tokens.unfinished"), says) << message;
      kept += says;
      options_.overwrite = true;
      bool first = true;
      options_.progress = [&](const PrepareProgress& progress) {
        from_state += first && progress.saved && progress.tokens > 0;
        first = false;
      };
      prepare(ByteIds(), options_);
      options_.progress = nullptr;
      ASSERT_TRUE(bytes_of("tokens") == whole) << at;
      ASSERT_FALSE(exists(".tokens.unfinished"));
    }
    EXPECT_GT(kept, 3);
    EXPECT_EQ(from_state, kept);
  }
}

TEST_F(PrepareResume, StartsAgainWhereTheInputOrTheOptionsAreOthers) {
  const auto interrupt = [&] {
    remove_tree(real_file_system(), folder_ / "tokens");
    options_.output = folder_ / "tokens";
    options_.progress = [&](const PrepareProgress& progress) {
      if (progress.saved) throw Error("stop", ExitCode::kInterrupted);
    };
    error_message([&] { prepare(ByteIds(), options_); });
    options_.progress = nullptr;
    ASSERT_TRUE(exists(".tokens.unfinished"));
  };
  const auto expect_as_undisturbed = [&] {
    prepare(ByteIds(), options_);
    const std::string tokens = bytes_of("tokens");
    remove_tree(real_file_system(), folder_ / "whole");
    EXPECT_TRUE(tokens == undisturbed());
  };
  interrupt();
  options_.stages.pop_back();
  expect_as_undisturbed();
  interrupt();
  std::string text = real_file_system().read(folder_ / "in0.jsonl", 1 << 24);
  text[40] = text[40] == '7' ? '8' : '7';  // of the same size
  folder_.write("in0.jsonl", text);
  expect_as_undisturbed();
  interrupt();
  const Path state = folder_ / ".tokens.unfinished";
  for (const std::string& name : real_file_system().list(state))
    if (name.starts_with("stage-")) folder_.write(".tokens.unfinished/" + name, "damaged");
  expect_as_undisturbed();
  interrupt();
  auto progress = nlohmann::ordered_json::parse(read_text_file(state / "progress.json", 1 << 24));
  progress["stages"].erase(0);
  folder_.write(".tokens.unfinished/progress.json", progress.dump());
  expect_as_undisturbed();
}

}  // namespace
}  // namespace weft::data
