#include <array>
#include <limits>

#include "core/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mapped_file.h"
#include "tests/core/faulty_file_system.h"
#include "tests/core/temporary_folder.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

FileSystem& disk() {
  return real_file_system();
}

TEST(FileSystem, ReadsWhatWasWritten) {
  const TemporaryFolder folder;
  for (const std::string& bytes : {std::string(), std::string("x"), std::string(100000, 'y')}) {
    const Path file = folder.write("file", bytes);
    EXPECT_EQ(read_text_file(file, 100000), bytes);
    EXPECT_EQ(MappedFile(file).text(), bytes);
  }
}

TEST(FileSystem, ReadsInPieces) {
  const TemporaryFolder folder;
  const auto file = disk().open_for_reading(folder.write("file", "abcde"), ReadFrom::kDevice);
  EXPECT_EQ(file->size(), 5);
  std::array<std::byte, 3> piece{};
  EXPECT_EQ(file->read(piece), 3u);
  EXPECT_EQ(file->read(piece), 2u);
  EXPECT_EQ(static_cast<char>(piece[1]), 'e');
  EXPECT_EQ(file->read(piece), 0u);
  EXPECT_THAT(error_message([&] { disk().open_for_reading(folder.path(), ReadFrom::kCache); }),
              HasSubstr("it is a folder, not a file"));
}

TEST(FileSystem, ExplainsWhyAFileCannotBeRead) {
  const TemporaryFolder folder;
  const Path file = folder.write("file", "four");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  const auto why = [](const Path& path, int64_t limit = 100) {
    return error_message([&] { read_text_file(path, limit); });
  };
  EXPECT_EQ(why(folder / "none"), "cannot read '" + (folder / "none").string() +
                                      "': there is no such file or folder; check the path");
  EXPECT_THAT(why(file / "below"), HasSubstr("a part of the path is a file"));
  EXPECT_THAT(why(folder.path()), HasSubstr("it is a folder, not a file; check the path"));
  EXPECT_THAT(why(folder / "pipe"), HasSubstr("it is a pipe or a device"));
  EXPECT_THAT(why("/dev/zero"), HasSubstr("it is a pipe or a device"));
  EXPECT_THAT(why(file, 3), HasSubstr("it has 4 bytes, at most 3 are read"));
  EXPECT_EQ(read_text_file(file, 4), "four");
}

TEST(FileSystem, ExplainsThatPermissionIsMissing) {
  const TemporaryFolder folder;
  const Path file = folder.write("file", "secret");
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  const bool is_root = ::geteuid() == 0;  // root may read everything: become nobody meanwhile
  ASSERT_EQ(::seteuid(is_root ? 65534 : ::geteuid()), 0);
  const std::string read = error_message([&] { read_text_file(file, 100); });
  if (is_root) {
    const std::string write = error_message([&] { write_file_atomically(disk(), file, "x"); });
    EXPECT_THAT(write, AllOf(HasSubstr("cannot write"), HasSubstr("permission denied")));
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_THAT(read, AllOf(HasSubstr("permission denied"), HasSubstr("owner and mode")));
}

TEST(FileSystem, AFullDiskDoesNotFit) {
  const auto message = error_message([] {
    const auto file = disk().open_for_writing("/dev/full", WriteMode::kAppend);
    file->write("x");
  });
  EXPECT_THAT(message, HasSubstr("the disk is full; free some space"));
  EXPECT_EQ(FileError("write", "x", ENOSPC).code(), ExitCode::kDoesNotFit);
  EXPECT_EQ(FileError("write", "x", EACCES).code(), ExitCode::kBadInput);
}

TEST(FileSystem, OpensForWritingInThreeModes) {
  const TemporaryFolder folder;
  const Path file = folder.write("file", "old");
  disk().open_for_writing(file, WriteMode::kAppend)->write("+");
  EXPECT_EQ(read_text_file(file, 10), "old+");
  disk().open_for_writing(file, WriteMode::kReplace)->write("new");
  EXPECT_EQ(read_text_file(file, 10), "new");
  EXPECT_THAT(error_message([&] { disk().open_for_writing(file, WriteMode::kNew); }),
              HasSubstr("it exists already"));
}

TEST(FileSystem, KnowsWhatAPathIs) {
  const TemporaryFolder folder;
  const Path file = folder.write("file", "12345");
  std::filesystem::create_symlink("file", folder / "link");
  std::filesystem::create_symlink("nowhere", folder / "dangling");
  std::filesystem::create_symlink("loop", folder / "loop");
  EXPECT_EQ(disk().status(file).size, 5);
  EXPECT_FALSE(disk().status(file).is_link);
  EXPECT_TRUE(disk().status(folder / "link").is_link);
  EXPECT_EQ(disk().status(folder / "link").kind, FileKind::kFile);
  EXPECT_EQ(disk().status(folder / "dangling").kind, FileKind::kMissing);
  EXPECT_TRUE(disk().status(folder / "dangling").is_link);
  EXPECT_TRUE(disk().status(folder / "loop").is_link);
  EXPECT_EQ(disk().status(folder.path()).kind, FileKind::kFolder);
  EXPECT_EQ(disk().status("/dev/null").kind, FileKind::kOther);
  EXPECT_EQ(disk().status(folder / "none").kind, FileKind::kMissing);
  EXPECT_THAT(disk().list(folder.path()), ElementsAre("dangling", "file", "link", "loop"));
  EXPECT_THAT(error_message([&] { disk().list(file); }), HasSubstr("cannot list the folder"));
}

TEST(FileSystem, MakesAndRemovesFolders) {
  const TemporaryFolder folder;
  create_folders(disk(), folder / "a/b/c/");
  EXPECT_EQ(disk().status(folder / "a/b/c").kind, FileKind::kFolder);
  create_folders(disk(), folder / "a/b");
  folder.write("a/b/file", "x");
  folder.write("kept/file", "kept");
  std::filesystem::create_directory_symlink(folder / "kept", folder / "a/link");
  EXPECT_THAT(error_message([&] { create_folders(disk(), folder / "a/b/file/d"); }),
              HasSubstr("it exists and is no folder"));
  EXPECT_THAT(error_message([&] { create_folders(disk(), folder / "a/b/file"); }),
              HasSubstr("it exists and is no folder; remove it or choose another path"));
  remove_tree(disk(), folder / "a");
  EXPECT_THAT(disk().list(folder.path()), ElementsAre("kept"));
  EXPECT_EQ(read_text_file(folder / "kept/file", 10), "kept");
  remove_tree(disk(), folder / "a");
}

TEST(FileSystem, TellsTheFreeSpaceOfAPathThatIsNotThereYet) {
  const TemporaryFolder folder;
  EXPECT_GT(disk().free_bytes(folder / "not/yet"), 0);
  EXPECT_GT(disk().free_bytes("not-here-either"), 0);
}

// What a user names on a command line may be /dev/null.
TEST(FileSystem, NoDeviceNorPipeIsReplacedByAFile) {
  const TemporaryFolder folder;
  const Path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const Path& named : {pipe, Path("/dev/null")})
    EXPECT_THAT(error_message([&] { named_output(disk(), named); }),
                HasSubstr("is a device or a pipe; give the name of a file"));
  EXPECT_THAT(error_message([&] { named_output(disk(), folder.path()); }),
              HasSubstr("is a folder"));
  std::filesystem::create_symlink("there", folder / "link");
  EXPECT_EQ(named_output(disk(), folder / "link"), folder / "there") << "not there yet";
  folder.write("there", "x");
  EXPECT_EQ(named_output(disk(), folder / "link"), folder / "there");
  EXPECT_EQ(named_output(disk(), folder / "new"), folder / "new");
}

TEST(FileSystem, ReplacesAFileWhole) {
  const TemporaryFolder folder;
  write_file_atomically(disk(), folder / "file", "one");
  write_file_atomically(disk(), folder / "file", "two");
  EXPECT_EQ(read_text_file(folder / "file", 10), "two");
  EXPECT_THAT(disk().list(folder.path()), ElementsAre("file"));
  EXPECT_THAT(error_message([&] { write_file_atomically(disk(), folder / "no/file", "x"); }),
              HasSubstr("no such file or folder"));
}

std::string outcome(FileSystem& files, const Path& file) {
  try {
    write_file_atomically(files, file, "new");
    return "written";
  } catch (const Crash&) {
    return "crashed";
  } catch (const Error&) {
    return "failed";
  }
}

TEST(FileSystem, AtomicReplacementKeepsTheOldOrTheNewBytesWhateverFails) {
  const TemporaryFolder folder;
  FaultyFileSystem healthy;
  write_file_atomically(healthy, folder / "file", "old");
  ASSERT_EQ(healthy.operations(), 6);  // open, write, sync, close, rename, sync_folder
  for (const Fault fault : {Fault::kDiskFull, Fault::kIoError, Fault::kShortWrite, Fault::kCrash}) {
    for (int64_t k = 0; k < healthy.operations(); ++k) {
      const TemporaryFolder fresh;
      fresh.write("file", "old");
      FaultyFileSystem faulty(fault, k);
      const bool fires = fault != Fault::kShortWrite || k <= 1;  // later there is no write
      EXPECT_EQ(outcome(faulty, fresh / "file"), !fires                   ? "written"
                                                 : fault == Fault::kCrash ? "crashed"
                                                                          : "failed");
      const std::string now = read_text_file(fresh / "file", 10);
      EXPECT_EQ(now, !fires || k == 5 ? "new" : "old") << "operation " << k;
      EXPECT_EQ(disk().list(fresh.path()).size(), fault == Fault::kCrash && k > 0 && k < 5 ? 2 : 1);
    }
  }
}

TEST(MappedFile, SlicesWithinBoundsOnly) {
  const TemporaryFolder folder;
  MappedFile file(folder.write("file", "abcdef"));
  EXPECT_EQ(static_cast<char>(file.slice(2, 3)[0]), 'c');
  EXPECT_EQ(file.slice(6, 0).size(), 0u);
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  for (const auto& range : std::vector<std::pair<int64_t, int64_t>>{
           {-1, 1}, {0, -1}, {0, 7}, {7, 0}, {3, 4}, {kMost, kMost}, {1, kMost}})
    EXPECT_THAT(error_message([&] { file.slice(range.first, range.second); }),
                HasSubstr("do not lie within it; the file is cut short or damaged"));
  MappedFile moved = std::move(file);
  EXPECT_EQ(moved.text(), "abcdef");
}

TEST(FileLock, RefusesASecondOwnerAndNamesTheFirst) {
  const TemporaryFolder folder;
  auto lock = disk().lock(folder / "lock");
  EXPECT_FALSE(lock->taken_over_from());
  EXPECT_THAT(error_message([&] { disk().lock(folder / "lock"); }),
              AllOf(HasSubstr("it is held by process " + std::to_string(::getpid()) + " on "),
                    HasSubstr("stop that run or choose another folder")));
  lock.reset();
  EXPECT_FALSE(disk().lock(folder / "lock")->taken_over_from());
  EXPECT_THAT(error_message([&] { disk().lock(folder / "none/lock"); }), HasSubstr("cannot lock"));
}

// Else a folder of a stranger could have any file of ours overwritten or written to.
TEST(FileLock, FollowsNoLink) {
  const TemporaryFolder folder;
  const Path mine = folder.write("mine", "precious");
  std::filesystem::create_symlink("mine", folder / "run.lock");
  EXPECT_THAT(error_message([&] { disk().lock(folder / "run.lock"); }),
              HasSubstr("run.lock': it is a symbolic link, which is not followed here; remove it"));
  EXPECT_EQ(read_text_file(mine, 10), "precious");
}

TEST(FileSystem, ContinuesNoFileThroughALink) {
  const TemporaryFolder folder;
  const Path mine = folder.write("mine", "precious");
  for (const char* target : {"mine", "nowhere"}) {
    std::filesystem::remove(folder / "log.jsonl");
    std::filesystem::create_symlink(target, folder / "log.jsonl");
    EXPECT_THAT(
        error_message([&] { disk().open_for_writing(folder / "log.jsonl", WriteMode::kAppend); }),
        HasSubstr("it is a symbolic link"));
  }
  EXPECT_EQ(read_text_file(mine, 10), "precious");
  EXPECT_THAT(disk().list(folder.path()), ElementsAre("log.jsonl", "mine"));
}

TEST(FileLock, TakesOverFromAProcessThatDied) {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = disk().lock(folder / "lock");
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const auto lock = disk().lock(folder / "lock");
  ASSERT_TRUE(lock->taken_over_from());
  EXPECT_EQ(lock->taken_over_from()->pid, child);
  EXPECT_FALSE(lock->taken_over_from()->host.empty());
  EXPECT_EQ(lock->taken_over_from()->started.size(), 20u);
}

// Whoever removes the file of a lock that is held lets the next one in.
TEST(FileLock, IsTakenAnewWhereItsFileIsGoneUnlessAnotherHasIt) {
  const TemporaryFolder folder;
  const Path file = folder / "lock";
  const auto lock = disk().lock(file);
  lock->retake_if_lost();  // nothing is lost
  std::filesystem::remove(file);
  lock->retake_if_lost();
  EXPECT_THAT(error_message([&] { disk().lock(file); }), HasSubstr("it is held by process"));
  std::filesystem::remove(file);
  auto other = disk().lock(file);
  EXPECT_THAT(error_message([&] { lock->retake_if_lost(); }), HasSubstr("it is held by process"));
  other.reset();
  EXPECT_NO_THROW(lock->retake_if_lost());
}

TEST(FileLock, ToleratesForeignText) {
  const TemporaryFolder folder;
  for (const std::string text :
       {"", "\n", "-3\nhost\n", "99999999999999999999\n", "12x\nhost\n", "\x01\xff garbage"}) {
    folder.write("lock", text);
    EXPECT_FALSE(disk().lock(folder / "lock")->taken_over_from());
  }
  folder.write("lock", std::string(100000, '7'));
  EXPECT_FALSE(disk().lock(folder / "lock")->taken_over_from());
}

}  // namespace
}  // namespace weft
