// Fails or stops every single file operation of saving, replacing and purging checkpoints. Whatever
// happens, the latest checkpoint is afterwards whole, and either the old one or the new one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/core/faulty_file_system.h"
#include "tests/core/temporary_folder.h"
#include "tests/io/checkpoint_test_run.h"

namespace weft::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The real file system, without waiting for the device.
FileSystem& disk() {
  static FaultyFileSystem files(Fault::kNone);
  return files;
}

constexpr CheckpointOptions kOptions = {.keep_last = 2};

// Steps 1 and 2 are there; then `next` is saved through `files`, which purges step 1.
void prepare(const Path& folder) {
  CheckpointStore store(disk(), folder, kOptions);
  store.save(checkpoint_of(1, "old"));
  store.save(checkpoint_of(2, "old"));
}

struct Scenario {
  std::string name;
  int64_t step;  // 3: a new one, purging 1; 2: replacing
};
const std::vector<Scenario> kScenarios = {{"new", 3}, {"replacing", 2}};

enum class Outcome { kSaved, kFailed, kCrashed };

Outcome save_through(FaultyFileSystem& files, const Path& folder, int64_t step) {
  try {
    CheckpointStore store(files, folder, kOptions);
    store.save(checkpoint_of(step, "new"));
    return Outcome::kSaved;
  } catch (const Crash&) {
    return Outcome::kCrashed;
  } catch (const Error&) {
    return Outcome::kFailed;
  }
}

int64_t operations_of(const Scenario& scenario) {
  const TemporaryFolder folder;
  prepare(folder.path());
  FaultyFileSystem files;
  EXPECT_EQ(save_through(files, folder.path(), scenario.step), Outcome::kSaved);
  return files.operations();
}

bool is_new(const Checkpoint& found, int64_t step) {
  return holds(found, step, "new");
}
bool is_old(const Checkpoint& found) {
  return holds(found, 2, "old");
}

class CheckpointFaults : public ::testing::TestWithParam<Fault> {};

TEST_P(CheckpointFaults, LeaveTheOldOrTheNewCheckpoint) {
  for (const Scenario& scenario : kScenarios) {
    const int64_t operations = operations_of(scenario);
    ASSERT_GT(operations, 20);
    for (int64_t k = 0; k < operations; ++k) {
      const TemporaryFolder folder;
      prepare(folder.path());
      FaultyFileSystem files(GetParam(), k);
      const Outcome outcome = save_through(files, folder.path(), scenario.step);
      const std::string at =
          scenario.name + ", operation " + std::to_string(k) + ": " + files.log().back();

      CheckpointStore restarted(disk(), folder.path(), kOptions);
      const FoundCheckpoint found = latest_checkpoint(disk(), folder.path());
      ASSERT_TRUE(found.checkpoint) << at;
      EXPECT_THAT(found.skipped, IsEmpty()) << at;
      const bool got_new = is_new(*found.checkpoint, scenario.step);
      EXPECT_TRUE(got_new || is_old(*found.checkpoint)) << at;
      EXPECT_FALSE(outcome == Outcome::kSaved && !got_new) << at;
      EXPECT_FALSE(outcome == Outcome::kFailed && got_new) << at;
      restarted.save(checkpoint_of(4));  // and the run goes on
      EXPECT_TRUE(holds(*latest_checkpoint(disk(), folder.path()).checkpoint, 4)) << at;
      for (const std::string& name : disk().list(folder.path())) EXPECT_NE(name[0], '.') << at;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, CheckpointFaults,
                         ::testing::Values(Fault::kDiskFull, Fault::kIoError, Fault::kShortWrite,
                                           Fault::kCrash));

TEST(CheckpointFault, AFullDiskDoesNotStopTheRunNorHarmOldCheckpoints) {
  const TemporaryFolder folder;
  prepare(folder.path());
  FaultyFileSystem files(Fault::kShortWrite, 3);
  CheckpointStore store(files, folder.path(), kOptions);
  try {
    store.save(checkpoint_of(3));
    FAIL() << "the disk was full";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kDoesNotFit);
    EXPECT_THAT(error.what(), HasSubstr("the disk is full; free some space"));
  }
  EXPECT_THAT(disk().list(folder.path()), ElementsAre("checkpoint-1", "checkpoint-2", "run.lock"));
  store.save(checkpoint_of(4));  // by the same store, once there is space again
  EXPECT_TRUE(holds(*latest_checkpoint(disk(), folder.path()).checkpoint, 4));
}

TEST(CheckpointFault, AFailedSyncFailsTheCheckpointAndIsNotTriedAgain) {
  const TemporaryFolder probe;
  FaultyFileSystem healthy;
  CheckpointStore(healthy, probe.path(), kOptions).save(checkpoint_of(3));
  for (int64_t k = 0; k < healthy.operations(); ++k) {
    if (healthy.log()[static_cast<size_t>(k)].rfind("sync", 0) != 0) continue;
    const TemporaryFolder folder;
    FaultyFileSystem files(Fault::kIoError, k);
    CheckpointStore store(files, folder.path(), kOptions);
    EXPECT_THROW(store.save(checkpoint_of(3)), FileError);
    const std::string failed = files.log()[static_cast<size_t>(k)];
    EXPECT_EQ(failed.rfind("sync", 0), 0u);
    for (size_t i = static_cast<size_t>(k) + 1; i < files.log().size(); ++i)
      EXPECT_TRUE(files.log()[i] != failed || failed.rfind("sync_folder", 0) == 0) << failed;
    EXPECT_FALSE(latest_checkpoint(disk(), folder.path()).checkpoint) << failed;
  }
}

TEST(CheckpointFault, OldOnesAreRemovedOnlyAfterTheNewOneIsDurable) {
  const TemporaryFolder folder;
  prepare(folder.path());
  FaultyFileSystem files;
  CheckpointStore(files, folder.path(), kOptions).save(checkpoint_of(3));
  const auto position = [&](const std::string& operation) {
    const auto at = std::find(files.log().begin(), files.log().end(), operation);
    EXPECT_NE(at, files.log().end()) << operation;
    return at - files.log().begin();
  };
  const std::string root = folder.path().string();
  const auto rename_new = position("rename " + root + "/.checkpoint-3.partial");
  EXPECT_LT(position("sync_folder " + root + "/.checkpoint-3.partial/trainer_state"), rename_new);
  EXPECT_LT(position("sync " + root + "/.checkpoint-3.partial/manifest.json"), rename_new);
  EXPECT_EQ(files.log()[static_cast<size_t>(rename_new) - 1],
            "sync_folder " + root + "/.checkpoint-3.partial");
  EXPECT_EQ(files.log()[static_cast<size_t>(rename_new) + 1], "sync_folder " + root);
  EXPECT_LT(rename_new + 1, position("rename " + root + "/checkpoint-1"));
}

// A file system whose bytes change between writing and reading back.
TEST(CheckpointFault, ACheckpointThatDoesNotReadBackIsTakenAway) {
  const TemporaryFolder folder;
  prepare(folder.path());
  CheckpointStore store(disk(), folder.path(), kOptions);
  CheckpointToSave checkpoint = checkpoint_of(3);
  // The last file's content damages the first one, as a failing device would.
  checkpoint.files.push_back({.name = "z", .bytes = 1, .content = [&](WritableFile& out) {
                                const Path first = folder / ".checkpoint-3.partial/config.json";
                                disk().open_for_writing(first, WriteMode::kReplace)->write("[]");
                                out.write("z");
                              }});
  EXPECT_THAT(error_message([&] { store.save(checkpoint); }),
              HasSubstr("the checkpoint just written does not read back"));
  EXPECT_THAT(disk().list(folder.path()), ElementsAre("checkpoint-1", "checkpoint-2", "run.lock"));
}

TEST(CheckpointFault, AnOldOneThatCannotBeRemovedIsReportedNotFatal) {
  const TemporaryFolder folder;
  prepare(folder.path());
  FaultyFileSystem healthy;
  CheckpointStore(healthy, folder.path(), kOptions).save(checkpoint_of(3));
  const TemporaryFolder again;
  prepare(again.path());
  FaultyFileSystem files(Fault::kIoError, healthy.operations() - 1);
  const SavedCheckpoint saved =
      CheckpointStore(files, again.path(), kOptions).save(checkpoint_of(3));
  EXPECT_THAT(saved.problems, ElementsAre(HasSubstr("input/output error")));
}

TEST(CheckpointFault, AFolderThatCannotBeWrittenIsRefusedAtTheStart) {
  const TemporaryFolder folder;
  const Path file = folder.write("file", "x");
  EXPECT_THAT(error_message([&] { CheckpointStore(disk(), file / "run", {}); }),
              HasSubstr("it exists and is no folder"));
  EXPECT_THAT(error_message([&] { CheckpointStore(disk(), "/proc/run", {}); }),
              HasSubstr("cannot make the folder '/proc/run'"));
}

}  // namespace
}  // namespace weft::io
