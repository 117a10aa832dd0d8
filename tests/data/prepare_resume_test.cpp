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
#include "tests/core/forwarding_file_system.h"
#include "weft/philox.h"

namespace weft::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
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
    remove_tree(real_file_system(), folder_ / "whole");
    options_.output = folder_ / "whole";
    prepare(ByteIds(), options_);
    options_.output = folder_ / "tokens";
    return bytes_of("whole");
  }
  bool exists(const std::string& name) {
    return real_file_system().status(folder_ / name).kind != FileKind::kMissing;
  }

  // With an old folder in the place of the new one, or nothing.
  void start_over(bool with_old) {
    for (const char* name : {"tokens", ".tokens.unfinished", ".tokens.replaced", ".tokens.lock"})
      remove_tree(real_file_system(), folder_ / name);
    if (with_old) folder_.write("tokens/dataset.json", "old");
    options_.overwrite = with_old;
  }
  bool is_finished(const std::string& whole) {
    return exists("tokens") && bytes_of("tokens") == whole;
  }
  // Runs it to its end; how many states it saves.
  int64_t saves_of_rest() {
    FaultyFileSystem files;
    prepare(ByteIds(), options_, files);
    return count(files.log(), kSave);
  }
  bool goes_on() {
    bool from_state = false, first = true;
    options_.progress = [&](const PrepareProgress& progress) {
      if (first) from_state = progress.saved && progress.tokens > 0;
      first = false;
    };
    prepare(ByteIds(), options_);
    options_.progress = nullptr;
    return from_state;
  }
  using Log = std::span<const std::string>;
  using Operation = std::pair<std::string_view, std::string_view>;  // what, and a part of the path
  static constexpr Operation kSave = {"rename ", "progress.json"};
  static constexpr Operation kForget = {"remove ", "progress.json"};
  static constexpr Operation kWrite = {"write ", ""};
  static constexpr Operation kFinish = {"open ", "report.html"};
  static bool is(const std::string& entry, const Operation& operation) {
    return entry.starts_with(operation.first) && entry.find(operation.second) != entry.npos;
  }
  static int64_t count(Log log, const Operation& operation) {
    return std::count_if(log.begin(), log.end(),
                         [&](const std::string& entry) { return is(entry, operation); });
  }
  static size_t place_of(Log log, const Operation& operation, size_t from = 0) {
    while (from < log.size() && !is(log[from], operation)) ++from;
    return from;
  }
  // Whether there is a state after these operations: saved, and not removed to start anew.
  static bool has_state(Log done) {
    if (count(done, kFinish) > 0) return true;
    while (!done.empty() && !is(done.back(), kSave) && !is(done.back(), kForget))
      done = done.first(done.size() - 1);
    return !done.empty() && is(done.back(), kSave);
  }
  // One operation after the other fails, and all of those that come after the last shard. Then the
  // folder is whole, or the same command goes on to it from what was saved, if anything was.
  void expect_nothing_lost(Fault fault, bool replaces) {
    const std::string whole = undisturbed();
    start_over(replaces);
    FaultyFileSystem counted;
    prepare(ByteIds(), options_, counted);
    ASSERT_TRUE(is_finished(whole));
    const Log log = counted.log();
    const size_t last = place_of(log, kFinish);
    ASSERT_TRUE(has_state(log.first(last)));
    for (size_t at = 0; at < log.size(); at += at < last ? 4 : 1) {
      SCOPED_TRACE(log[at]);
      fail_and_go_on(fault, log, at, whole);
      if (HasFatalFailure()) return;
    }
  }
  void fail_and_go_on(Fault fault, Log log, size_t at, const std::string& whole) {
    start_over(options_.overwrite);
    FaultyFileSystem files(fault, static_cast<int64_t>(at));
    std::string message;
    try {
      prepare(ByteIds(), options_, files);  // a lock that cannot be removed is no failure
    } catch (const Error& error) {
      message = error.what();
    } catch (const Crash&) {
    }
    if (is_finished(whole)) {
      ASSERT_FALSE(exists(".tokens.unfinished"));
      return;
    }
    const Log done = log.first(fault == Fault::kShortWrite ? place_of(log, kWrite, at) : at);
    const bool is_saved = has_state(done);
    if (fault != Fault::kCrash) {
      const bool says = message.find("the same command goes on from there") != message.npos;
      ASSERT_EQ(says, is_saved) << message;
      ASSERT_EQ(exists(".tokens.unfinished"), is_saved) << message;
      ASSERT_EQ(exists("tokens/dataset.json"), options_.overwrite) << message;
    }
    const int64_t saves = saves_of_rest(), all = count(log, kSave);
    ASSERT_LE(saves, all);  // fewer where a second pass has begun, whose plan is found again
    if (is_saved) {
      ASSERT_EQ(saves, all - count(done, kSave));
    }
    ASSERT_TRUE(is_finished(whole));
    for (const std::string& name : real_file_system().list(folder_.path()))
      ASSERT_FALSE(name.starts_with(".")) << name;
  }

  TemporaryFolder folder_;
  PrepareOptions options_;
};

TEST_F(PrepareResume, AfterACrashAtEveryFileOperation) {
  for (const bool replaces : {false, true}) expect_nothing_lost(Fault::kCrash, replaces);
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

TEST_F(PrepareResume, ALinkStandsForTheFolderItLeadsTo) {
  const std::string whole = undisturbed();
  remove_tree(real_file_system(), folder_ / "tokens");
  std::filesystem::create_directory(folder_ / "large");
  std::filesystem::create_directory_symlink("large", folder_ / "tokens");
  prepare(ByteIds(), options_);
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "tokens"));
  EXPECT_TRUE(bytes_of("large") == whole);
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

TEST_F(PrepareResume, AfterMemoryThatTheSystemRefused) {
  const std::string whole = undisturbed();
  options_.progress = [&](const PrepareProgress& progress) {
    if (progress.saved) throw std::bad_alloc();
  };
  EXPECT_THROW(prepare(ByteIds(), options_), std::bad_alloc);
  EXPECT_TRUE(goes_on());
  EXPECT_TRUE(is_finished(whole));
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
  for (const Fault fault : {Fault::kDiskFull, Fault::kShortWrite, Fault::kIoError})
    for (const bool replaces : {false, true}) expect_nothing_lost(fault, replaces);
}

// No document would be held out: a second pass holds out one.
TEST_F(PrepareResume, AfterAFaultWhereTheSplitIsPlannedAnew) {
  options_.split.size = 1e-9;
  options_.stages.erase(options_.stages.begin() + 1);  // it may drop that document
  for (const Fault fault : {Fault::kCrash, Fault::kIoError}) expect_nothing_lost(fault, false);
}

// A share of the network that is away for a moment, say, while it finds its place again; or the
// disk of what it has saved. Whatever was saved stays.
TEST_F(PrepareResume, AfterAFileThatCouldNotBeReadForAWhile) {
  class Away final : public ForwardingFileSystem {
   public:
    Away(std::string name, int64_t after)
        : ForwardingFileSystem(real_file_system()), name_(std::move(name)), after_(after) {}
    std::unique_ptr<ReadableFile> open_for_reading(const Path& file, ReadFrom from) const override {
      if (file.filename().string().starts_with(name_) && after_-- <= 0)
        throw FileError("read", file, ESTALE);
      return ForwardingFileSystem::open_for_reading(file, from);
    }

   private:
    std::string name_;
    mutable int64_t after_;
  };
  const std::string whole = undisturbed();
  const auto expect_kept = [&](const std::string& name, int64_t after) {
    Away files(name, after);
    EXPECT_THAT(
        error_message([&] { prepare(ByteIds(), options_, files); }),
        AllOf(HasSubstr(name), HasSubstr("what was done is kept in"), HasSubstr("goes on from")));
    EXPECT_TRUE(exists(".tokens.unfinished")) << name;
  };
  const auto interrupt = [&] {
    options_.progress = [&](const PrepareProgress& progress) {
      if (progress.saved && progress.bytes_done > 50 << 10)
        throw Error("stop", ExitCode::kInterrupted);
    };
    error_message([&] { prepare(ByteIds(), options_); });
    options_.progress = nullptr;
  };
  interrupt();
  expect_kept("in0.jsonl", 0);
  expect_kept("in1.jsonl", 0);
  expect_kept("stage-0", 0);
  expect_kept("train-tokens", 0);
  EXPECT_TRUE(goes_on());
  EXPECT_TRUE(is_finished(whole));

  // Nor is a file left out that was read before, where those that cannot be read are.
  options_.bad_input = BadInput::kSkip;
  const std::string skipping = undisturbed();
  start_over(false);
  interrupt();
  expect_kept("in0.jsonl", 0);
  expect_kept("in1.jsonl", 0);
  EXPECT_TRUE(goes_on());
  EXPECT_TRUE(is_finished(skipping));
  start_over(false);
  Away away("in0.jsonl", 0);
  prepare(ByteIds(), options_, away);
  EXPECT_FALSE(is_finished(skipping));
}

// All is written when only the name of the folder fails; but the text is another by then.
TEST_F(PrepareResume, StartsAgainWhereTheTextOfAFinishedFolderIsAnother) {
  FaultyFileSystem counted;
  options_.output = folder_ / "tokens";
  prepare(ByteIds(), options_, counted);
  start_over(false);
  const auto naming = std::find(counted.log().begin(), counted.log().end(),
                                "rename " + (folder_ / ".tokens.unfinished").string());
  FaultyFileSystem files(Fault::kIoError, naming - counted.log().begin());
  EXPECT_THAT(error_message([&] { prepare(ByteIds(), options_, files); }),
              HasSubstr("the same command goes on from there"));
  EXPECT_FALSE(exists(".tokens.unfinished/progress.json"));
  std::string text = real_file_system().read(folder_ / "in2.jsonl", 1 << 24);
  text[text.size() - 30] = text[text.size() - 30] == '7' ? '8' : '7';
  folder_.write("in2.jsonl", text);
  prepare(ByteIds(), options_);
  const std::string tokens = bytes_of("tokens");
  EXPECT_TRUE(tokens == undisturbed());
}

// The new folder is whole and at its place: that is no failure.
TEST_F(PrepareResume, TellsOfAnOldFolderThatCouldNotBeRemoved) {
  const std::string whole = undisturbed();
  const auto replace = [&](FaultyFileSystem& files) {
    start_over(true);
    return prepare(ByteIds(), options_, files);
  };
  FaultyFileSystem counted;
  EXPECT_TRUE(replace(counted).warnings.empty());
  const std::string old = (folder_ / ".tokens.replaced/dataset.json").string();
  const auto removed = std::find(counted.log().begin(), counted.log().end(), "remove " + old);
  FaultyFileSystem files(Fault::kIoError, removed - counted.log().begin());
  EXPECT_THAT(replace(files).warnings, ElementsAre(HasSubstr("cannot remove '" + old)));
  EXPECT_TRUE(is_finished(whole));
  prepare(ByteIds(), options_);
  EXPECT_FALSE(exists(".tokens.replaced"));
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
