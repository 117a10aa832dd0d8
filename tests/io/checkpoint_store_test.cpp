#include "io/checkpoint_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <set>
#include <thread>

#include "io/folder_writer.h"
#include "io/hash.h"
#include "tests/core/faulty_file_system.h"
#include "tests/core/temporary_folder.h"
#include "tests/io/checkpoint_test_run.h"
#include "tests/io/protocol_mutants.h"

namespace weft::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The real file system, without waiting for the device.
FileSystem& disk() {
  static FaultyFileSystem files(Fault::kNone);
  return files;
}

std::vector<std::string> names_in(const Path& folder) {
  std::vector<std::string> names = disk().list(folder);
  std::erase(names, "run.lock");
  return names;
}

void replace_in_file(const Path& file, const std::string& from, const std::string& to) {
  std::string text = read_text_file(file, 100000);
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  write_file_atomically(disk(), file, text.replace(at, from.size(), to));
}

TEST(CheckpointStore, FindsTheLatest) {
  const TemporaryFolder run;
  CheckpointStore store(disk(), run / "out", {});
  EXPECT_FALSE(latest_checkpoint(disk(), run / "out").checkpoint);
  EXPECT_FALSE(latest_checkpoint(disk(), run / "none").checkpoint);
  for (const int64_t step : {0, 5, 100, 20}) store.save(checkpoint_of(step));
  const FoundCheckpoint found = latest_checkpoint(disk(), run / "out");
  ASSERT_TRUE(found.checkpoint);
  EXPECT_TRUE(holds(*found.checkpoint, 100));
  EXPECT_THAT(found.skipped, IsEmpty());
  EXPECT_EQ(found.checkpoint->folder, run / "out/checkpoint-100");
  EXPECT_FALSE(found.checkpoint->has("manifest.json"));
  EXPECT_THAT(error_message([&] { found.checkpoint->file("../x"); }),
              HasSubstr("has no file '../x'"));
  EXPECT_THAT(store.notices(), IsEmpty());
}

TEST(CheckpointStore, KeepsScoreAndNotes) {
  const TemporaryFolder run;
  CheckpointStore store(disk(), run.path(), {});
  CheckpointToSave checkpoint = scored(7, 0.1);
  checkpoint.notes = {{"config", "abc \u00e9 \"x\""}};
  store.save(checkpoint);
  const CheckpointManifest manifest = latest_checkpoint(disk(), run.path()).checkpoint->manifest;
  EXPECT_EQ(manifest.score, 0.1);
  EXPECT_EQ(manifest.notes, checkpoint.notes);
  store.save(scored(8, std::nan("")));
  EXPECT_FALSE(latest_checkpoint(disk(), run.path()).checkpoint->manifest.score);
}

TEST(CheckpointStore, OtherNamesAreNoCheckpoints) {
  const TemporaryFolder run;
  for (const std::string name : {"checkpoint-", "checkpoint-1x", "checkpoint-01", "checkpoint--1",
                                 "Checkpoint-1", "checkpoint-99999999999999999999", "log.jsonl"})
    run.write(name + "/file", "x");
  EXPECT_FALSE(latest_checkpoint(disk(), run.path()).checkpoint);
  CheckpointStore store(disk(), run.path(), {.keep_last = 1});
  EXPECT_THAT(store.save(checkpoint_of(1)).removed, IsEmpty());
  EXPECT_THAT(names_in(run.path()), SizeIs(8));
}

TEST(CheckpointStore, KeepsTheLastAndTheBest) {
  const TemporaryFolder run;
  CheckpointStore store(disk(), run.path(), {.keep_last = 2});
  for (const auto& [step, score] :
       std::vector<std::pair<int64_t, double>>{{1, 5.0}, {2, 3.0}, {3, 4.0}, {4, 3.0}, {5, 9.0}})
    EXPECT_THAT(store.save(scored(step, score)).problems, IsEmpty());
  EXPECT_THAT(names_in(run.path()), ElementsAre("checkpoint-2", "checkpoint-4", "checkpoint-5"));
  EXPECT_TRUE(holds(*best_checkpoint(disk(), run.path()).checkpoint, 2));
  EXPECT_THAT(store.save(scored(6, 1.0)).removed,
              ElementsAre(run / "checkpoint-4", run / "checkpoint-2"));
}

TEST(CheckpointStore, KeepsTheLastOnlyOrAll) {
  const TemporaryFolder run;
  {
    CheckpointStore store(disk(), run / "last", {.keep_last = 1, .keep_best = false});
    store.save(scored(1, 0.0));
    store.save(scored(2, 1.0));
  }
  EXPECT_THAT(names_in(run / "last"), ElementsAre("checkpoint-2"));
  CheckpointStore store(disk(), run / "all", {});
  for (int64_t step = 0; step < 4; ++step) store.save(checkpoint_of(step));
  EXPECT_THAT(names_in(run / "all"), SizeIs(4));
  EXPECT_TRUE(holds(*best_checkpoint(disk(), run / "all").checkpoint, 3));
}

TEST(CheckpointStore, LeavesTheCheckpointsOfOthersAlone) {
  const TemporaryFolder run;
  run.write("checkpoint-1/trainer_state.json", "{}");
  CheckpointStore store(disk(), run.path(), {.keep_last = 1});
  EXPECT_THAT(error_message([&] { latest_checkpoint(disk(), run.path()); }),
              AllOf(HasSubstr("has checkpoints, but none of them is intact"),
                    HasSubstr("checkpoint-1' has no manifest.json: it was not written by Weft"),
                    HasSubstr("move them away to start anew")));
  store.save(checkpoint_of(2));
  store.save(checkpoint_of(3));
  EXPECT_THAT(names_in(run.path()), ElementsAre("checkpoint-1", "checkpoint-3"));
}

TEST(CheckpointStore, ReplacesACheckpointOfTheSameStep) {
  const TemporaryFolder run;
  CheckpointStore store(disk(), run.path(), {.keep_last = 2});
  store.save(checkpoint_of(1, "first"));
  store.save(checkpoint_of(1, "second"));
  EXPECT_TRUE(holds(*latest_checkpoint(disk(), run.path()).checkpoint, 1, "second"));
  EXPECT_THAT(names_in(run.path()), ElementsAre("checkpoint-1"));
}

TEST(CheckpointStore, OneRunPerFolder) {
  const TemporaryFolder run;
  const CheckpointStore store(disk(), run.path(), {});
  EXPECT_THAT(error_message([&] { CheckpointStore(disk(), run.path(), {}); }),
              AllOf(HasSubstr("cannot lock '" + (run / "run.lock").string()),
                    HasSubstr("it is held by process " + std::to_string(::getpid())),
                    HasSubstr("stop that run or choose another folder")));
  EXPECT_NO_THROW(latest_checkpoint(disk(), run.path()));  // looking needs no lock
}

TEST(CheckpointStore, SavesWhereTheLockIsGoneButNotWhereAnotherRunHasIt) {
  const TemporaryFolder run;
  CheckpointStore store(disk(), run.path(), {});
  std::filesystem::remove(run / kRunLockFile);
  store.save(checkpoint_of(1));
  EXPECT_TRUE(run_in_progress(run.path()));
  std::filesystem::remove(run / kRunLockFile);
  const CheckpointStore other(disk(), run.path(), {});
  EXPECT_THAT(error_message([&] { store.save(checkpoint_of(2)); }),
              HasSubstr("it is held by process"));
  EXPECT_THAT(names_in(run.path()), ElementsAre("checkpoint-1"));
}

// Of small files, as run_status.json, that a killed process was writing.
TEST(CheckpointStore, RemovesTemporaryFilesOfDeadProcessesOnly) {
  const TemporaryFolder run;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  const std::string dead = ".run_status.json.tmp-" + std::to_string(child) + "-1";
  const std::string alive = ".report.html.tmp-" + std::to_string(::getpid()) + "-1";
  for (const std::string& name : {dead, alive, std::string(".other.tmp-x-1")})
    run.write(name, "half");
  const CheckpointStore store(disk(), run.path(), {});
  EXPECT_THAT(store.notices(), ElementsAre(AllOf(HasSubstr(dead), HasSubstr("was removed"))));
  EXPECT_THAT(names_in(run.path()), ElementsAre(".other.tmp-x-1", alive));
}

// Nothing is left in the lock by which the next run would take this one for dead.
TEST(CheckpointStore, ARunThatEndedHasReleasedItsFolder) {
  const TemporaryFolder run;
  { const CheckpointStore store(disk(), run.path(), {}); }
  EXPECT_FALSE(run_in_progress(run.path()));
  const CheckpointStore next(disk(), run.path(), {});
  EXPECT_THAT(next.notices(), IsEmpty());
  EXPECT_TRUE(run_in_progress(run.path()));
}

// `weft runs` looks at folders of others, and of file systems that cannot be written.
TEST(CheckpointStore, LookingForARunLeavesItsLockAlone) {
  const TemporaryFolder run;
  const std::string owner = "999999999\nelsewhere\n2026-01-01T00:00:00Z\n";
  const Path lock = run.write(std::string(kRunLockFile), owner);
  std::filesystem::permissions(lock, std::filesystem::perms::owner_read);
  EXPECT_FALSE(run_in_progress(run.path()));
  EXPECT_EQ(read_text_file(lock, 1 << 10), owner) << "the next run is to tell of it";
  std::filesystem::remove(lock);
  ASSERT_EQ(::mkfifo(lock.c_str(), 0600), 0);
  EXPECT_FALSE(run_in_progress(run.path()));
  std::filesystem::remove(lock);
  EXPECT_FALSE(run_in_progress(run.path())) << "and makes none";
  EXPECT_FALSE(std::filesystem::exists(lock));
}

// Whoever looks has the lock for a moment, which must not end a run that begins.
TEST(CheckpointStore, ARunBeginsWhileItIsLookedFor) {
  const TemporaryFolder run;
  std::atomic<bool> stop{false};
  std::thread looking([&] {
    while (!stop) run_in_progress(run.path());
  });
  for (int i = 0; i < 200; ++i) EXPECT_NO_THROW(CheckpointStore(disk(), run.path(), {}));
  stop = true;
  looking.join();
}

// Free space is compared before each save, so that a disk that is nearly full is not filled up.
TEST(CheckpointStore, ADiskWithoutRoomIsSeenBeforeAnythingIsWritten) {
  const TemporaryFolder run;
  FaultyFileSystem files;
  CheckpointStore store(files, run.path(), {.keep_last = 1});
  store.save(checkpoint_of(1));
  const int64_t before = files.operations();
  files.set_free_bytes(10);
  EXPECT_THAT(error_message([&] { store.save(checkpoint_of(2)); }),
              HasSubstr("bytes are to be written, 10 are free"));
  EXPECT_EQ(files.operations(), before);
  EXPECT_TRUE(holds(*latest_checkpoint(files, run.path()).checkpoint, 1));
}

TEST(CheckpointStore, TellsThatItTookOverFromADeadRun) {
  const TemporaryFolder run;
  const pid_t child = ::fork();
  if (child == 0) {
    const CheckpointStore store(disk(), run.path(), {});
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const CheckpointStore store(disk(), run.path(), {});
  EXPECT_THAT(store.notices(),
              ElementsAre(AllOf(HasSubstr("the run of process " + std::to_string(child)),
                                HasSubstr("ended without releasing"))));
}

TEST(CheckpointStore, RemovesLeftoversAndSaysSo) {
  const TemporaryFolder run;
  run.write(".checkpoint-7.partial/x", "half");
  run.write(".checkpoint-3.removed/x", "half");
  run.write(".checkpoint-x.partial/x", "not ours");
  const CheckpointStore store(disk(), run.path(), {});
  EXPECT_THAT(names_in(run.path()), ElementsAre(".checkpoint-x.partial"));
  EXPECT_THAT(store.notices(), SizeIs(2));
}

TEST(CheckpointStore, PutsBackAReplacedCheckpointThatAloneIsSound) {
  const TemporaryFolder run;
  CheckpointStore(disk(), run.path(), {}).save(checkpoint_of(4, "old"));
  std::filesystem::rename(run / "checkpoint-4", run / ".checkpoint-4.replaced");
  run.write("checkpoint-4/manifest.json", "{}");
  const CheckpointStore store(disk(), run.path(), {});
  EXPECT_TRUE(holds(*latest_checkpoint(disk(), run.path()).checkpoint, 4, "old"));
  EXPECT_THAT(names_in(run.path()), ElementsAre("checkpoint-4"));
}

// Every way to damage any file of the newest checkpoint must lead to the one before, loudly.
class DamagedCheckpoint : public ::testing::Test {
 protected:
  DamagedCheckpoint() {
    CheckpointStore store(disk(), run_.path(), {});
    store.save(checkpoint_of(1));
    store.save(checkpoint_of(2));
  }

  void expect_fallback(const std::string& what) {
    const FoundCheckpoint found = latest_checkpoint(disk(), run_.path());
    ASSERT_TRUE(found.checkpoint) << what;
    EXPECT_TRUE(holds(*found.checkpoint, 1)) << what;
    ASSERT_THAT(found.skipped, SizeIs(1)) << what;
    EXPECT_EQ(found.skipped[0].folder, run_ / "checkpoint-2");
    EXPECT_THAT(found.skipped[0].reason, HasSubstr("checkpoint-2")) << what;
  }

  // Writes `bytes` in place of the file, looks, and restores it.
  void expect_fallback_with(const Path& file, const std::string& bytes, const std::string& what) {
    const std::string good = read_text_file(file, 100000);
    write_file_atomically(disk(), file, bytes);
    expect_fallback(what + " of " + file.filename().string());
    write_file_atomically(disk(), file, good);
  }

  std::vector<Path> files_of(const std::string& checkpoint) const {
    std::vector<Path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(run_ / checkpoint))
      if (entry.is_regular_file()) files.push_back(entry.path());
    return files;
  }

  TemporaryFolder run_;
};

TEST_F(DamagedCheckpoint, EveryFileCutEmptiedZeroedExtendedOrMissing) {
  ASSERT_THAT(files_of("checkpoint-2"), SizeIs(4));
  for (const Path& file : files_of("checkpoint-2")) {
    const std::string good = read_text_file(file, 100000);
    expect_fallback_with(file, good.substr(0, good.size() - 2), "two bytes less");
    expect_fallback_with(file, "", "nothing left");
    expect_fallback_with(file, std::string(good.size(), '\0'), "zeros");
    expect_fallback_with(file, good + "x", "a byte more");
    std::filesystem::rename(file, run_ / "away");
    expect_fallback("absence");
    std::filesystem::create_directory(file);
    expect_fallback("a folder in place");
    std::filesystem::remove(file);
    std::filesystem::rename(run_ / "away", file);
  }
  EXPECT_TRUE(holds(*latest_checkpoint(disk(), run_.path()).checkpoint, 2));
}

TEST_F(DamagedCheckpoint, EveryBitOfTheSmallFilesFlipped) {
  for (const Path& file : files_of("checkpoint-2")) {
    const std::string good = read_text_file(file, 100000);
    if (good.size() > 2000) continue;
    for (size_t bit = 0; bit < good.size() * 8; bit += 3) {  // three passes would test no more code
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
      const bool was_space = good[bit / 8] == ' ' || good[bit / 8] == '\n';
      if (file.filename() == kManifestName && was_space) continue;  // may still be a space
      expect_fallback_with(file, bad, "bit " + std::to_string(bit));
    }
  }
}

TEST_F(DamagedCheckpoint, FilesAndFoldersSwapped) {
  const auto swap = [&](const std::string& a, const std::string& b) {
    std::filesystem::rename(run_ / a, run_ / "x");
    std::filesystem::rename(run_ / b, run_ / a);
    std::filesystem::rename(run_ / "x", run_ / b);
  };
  swap("checkpoint-2/config.json", "checkpoint-2/model.safetensors");
  expect_fallback("two files");
  swap("checkpoint-2/config.json", "checkpoint-2/model.safetensors");
  swap("checkpoint-1", "checkpoint-2");
  EXPECT_THAT(error_message([&] { latest_checkpoint(disk(), run_.path()); }),
              AllOf(HasSubstr("none of them is intact"), HasSubstr("it was renamed or swapped")));
  swap("checkpoint-1", "checkpoint-2");
  swap("checkpoint-1/manifest.json", "checkpoint-2/manifest.json");
  EXPECT_THROW(latest_checkpoint(disk(), run_.path()), Error);
}

TEST_F(DamagedCheckpoint, IsReplacedWhenItsStepComesAgain) {
  std::filesystem::remove(run_ / "checkpoint-2/config.json");
  CheckpointStore store(disk(), run_.path(), {.keep_last = 1});
  CheckpointToSave again = checkpoint_of(2, "again");
  const SavedCheckpoint saved = store.save(again);
  EXPECT_TRUE(holds(*latest_checkpoint(disk(), run_.path()).checkpoint, 2, "again"));
  EXPECT_THAT(saved.removed, ElementsAre(run_ / "checkpoint-1"));
}

TEST_F(DamagedCheckpoint, ANewerFormatIsRefusedNotSkipped) {
  const Path file = run_ / "checkpoint-2/manifest.json";
  replace_in_file(file, "\"version\": 1", "\"version\": 2");
  expect_fallback("a version that the hash does not confirm");
  const std::string body = R"({"format":"weft checkpoint","from":"the future","version":2})";
  const std::string hash = hash_hex(body);
  write_file_atomically(
      disk(), file, body.substr(0, body.size() - 1) + R"(,"manifest_xxh3_128":")" + hash + "\"}");
  EXPECT_THROW(latest_checkpoint(disk(), run_.path()), NewerCheckpoint);
  EXPECT_THAT(error_message([&] { latest_checkpoint(disk(), run_.path()); }),
              HasSubstr("written by a newer Weft (format 2, this one reads up to 1); update Weft"));
}

// The kernel's copy of a file is what was written, whatever the device has made of it.
class FilesReadFromTheDevice final : public ForwardingFileSystem {
 public:
  FilesReadFromTheDevice() : ForwardingFileSystem(real_file_system()) {}
  std::unique_ptr<ReadableFile> open_for_reading(const Path& file, ReadFrom from) const override {
    if (from == ReadFrom::kDevice) names.insert(file.filename().string());
    return ForwardingFileSystem::open_for_reading(file, from);
  }

  mutable std::set<std::string> names;
};

TEST(CheckpointStore, ReadsWhatItHasWrittenBackFromTheDevice) {
  const TemporaryFolder run;
  FilesReadFromTheDevice files;
  CheckpointStore store(files, run.path(), {});
  const CheckpointToSave checkpoint = checkpoint_of(1);
  store.save(checkpoint);
  std::set<std::string> written;
  for (const FileToWrite& file : checkpoint.files)
    written.insert(Path(file.name).filename().string());
  EXPECT_THAT(files.names, testing::IsSupersetOf(written));
  files.names.clear();
  store.repair();
  EXPECT_THAT(files.names, testing::IsSupersetOf(written)) << "which moves the damaged away";
}

// A newer Weft was killed while it replaced the checkpoint: which of the two is good is not for
// this one to judge, and the newer one is not for it to remove.
TEST_F(DamagedCheckpoint, ANewerFormatIsNotReplacedByWhatLiesBesideIt) {
  const std::string body = R"({"format":"weft checkpoint","from":"the future","version":2})";
  const std::string newer =
      body.substr(0, body.size() - 1) + R"(,"manifest_xxh3_128":")" + hash_hex(body) + "\"}";
  const Path folder = run_ / "checkpoint-2";
  std::filesystem::copy(folder, replaced_name(folder), std::filesystem::copy_options::recursive);
  write_file_atomically(disk(), folder / kManifestName, newer);
  { const CheckpointStore store(disk(), run_.path(), {}); }
  EXPECT_EQ(read_text_file(folder / kManifestName, 1000), newer);
  EXPECT_THROW(latest_checkpoint(disk(), run_.path()), NewerCheckpoint);
}

TEST(CheckpointManifest, RefusesWhatItDidNotWrite) {
  const auto why = [](const std::string& members) {
    const std::string body = "{\"files\":" + members + "}";
    const std::string text =
        body.substr(0, body.size() - 1) + R"(,"manifest_xxh3_128":")" + hash_hex(body) + "\"}";
    return error_message([&] { parse_manifest(text, "m"); });
  };
  const std::string rest = R"(,"format":"weft checkpoint","notes":{},"step":1,"version":1)";
  const auto file = [](const std::string& name, const std::string& bytes, const std::string& hash) {
    return R"([{"bytes":)" + bytes + R"(,"name":")" + name + R"(","xxh3_128":")" + hash + "\"}]";
  };
  const std::string zeros(32, '0');
  EXPECT_THAT(why("[]"), HasSubstr("m: 'format' is missing"));
  EXPECT_THAT(why(R"([],"format":"other")"), HasSubstr("this is no checkpoint of Weft"));
  EXPECT_THAT(why(R"([],"format":"weft checkpoint","version":1)"), HasSubstr("'step' is missing"));
  EXPECT_THAT(why("{}" + rest), HasSubstr("'files' is a object"));
  EXPECT_THAT(why("[1]" + rest), HasSubstr("an object is needed"));
  EXPECT_THAT(why(file("../a", "1", zeros) + rest), HasSubstr("must stay inside their folder"));
  EXPECT_THAT(why(file("a", "-1", zeros) + rest), HasSubstr("'bytes' is out of range"));
  EXPECT_THAT(why(file("a", "18446744073709551615", zeros) + rest), HasSubstr("out of range"));
  EXPECT_THAT(why(file("a", "1.5", zeros) + rest), HasSubstr("'bytes' is a number"));
  EXPECT_THAT(why(file("a", "1", "xyz") + rest), HasSubstr("the hash of 'a' is none"));
  EXPECT_THAT(why(file("manifest.json", "1", zeros) + rest), HasSubstr("is listed twice"));
  EXPECT_THAT(why(R"([],"format":"weft checkpoint","new":1,"notes":{},"step":1,"version":1)"),
              HasSubstr("unknown key 'new'"));
  EXPECT_THAT(why(R"([],"format":"weft checkpoint","notes":{"a":1},"step":1,"version":1)"),
              HasSubstr("the note 'a' is no string"));
  EXPECT_THAT(error_message([] { parse_manifest("[]", "m"); }), HasSubstr("an object is needed"));
  EXPECT_THAT(error_message([] { parse_manifest("{}", "m"); }),
              HasSubstr("'manifest_xxh3_128' is missing"));
}

}  // namespace
}  // namespace weft::io
