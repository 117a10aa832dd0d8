#include "io/folder_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/hash.h"
#include "tests/core/faulty_file_system.h"
#include "tests/core/temporary_folder.h"

namespace weft::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

FileSystem& disk() {
  return real_file_system();
}

TEST(Hash, EqualsThePublishedOne) {
  EXPECT_EQ(hash_hex(""), "99aa06d3014798d86001c324468d497f");  // XXH3-128 of nothing, seed 0
  EXPECT_EQ(hash_hex("abc"), "06b05ab6733a618578af5f94892f3950");
}

TEST(Hash, DoesNotDependOnThePieces) {
  const TemporaryFolder folder;
  const std::string text(3'000'000, 'q');
  const FileHash hash = hash_file(disk(), folder.write("f", text), ReadFrom::kDevice);
  EXPECT_EQ(hash.hex, hash_hex(text));
  EXPECT_EQ(hash.bytes, 3'000'000);
}

TEST(FolderWriter, WritesFilesAndFoldersAndTellsTheirHashes) {
  const TemporaryFolder folder;
  const Path source = folder.write("source", std::string(2'500'000, 'z'));
  const auto written = write_folder(disk(), folder / "new",
                                    {text_to_write("a.txt", "abc"), copy_to_write("x/y/z", source),
                                     text_to_write("x/empty", "")});
  ASSERT_EQ(written.size(), 3u);
  EXPECT_EQ(written[0].hash, hash_hex("abc"));
  EXPECT_EQ(written[1].bytes, 2'500'000);
  EXPECT_EQ(read_text_file(folder / "new/x/y/z", 3'000'000), std::string(2'500'000, 'z'));
  EXPECT_EQ(read_text_file(folder / "new/x/empty", 1), "");
}

TEST(FolderWriter, SyncsEveryFileAndThenEveryFolder) {
  const TemporaryFolder folder;
  FaultyFileSystem files;
  write_folder(files, folder / "n", {text_to_write("a", "1"), text_to_write("s/b", "2")});
  const std::string root = (folder / "n").string();
  EXPECT_THAT(
      files.log(),
      ElementsAre("create_folder " + root, "create_folder " + root + "/s", "open " + root + "/a",
                  "write " + root + "/a", "sync " + root + "/a", "close " + root + "/a",
                  "open " + root + "/s/b", "write " + root + "/s/b", "sync " + root + "/s/b",
                  "close " + root + "/s/b", "sync_folder " + root + "/s", "sync_folder " + root));
}

TEST(FolderWriter, NamesStayInside) {
  const TemporaryFolder folder;
  for (const std::string name : {"", "/a", "../a", "a/../b", "a//b", "./a", "a/", "a\\b", "a\nb"})
    EXPECT_THAT(
        error_message([&] { write_folder(disk(), folder / "n", {text_to_write(name, "x")}); }),
        HasSubstr("names must stay inside their folder"))
        << name;
  EXPECT_THAT(disk().list(folder.path()), IsEmpty());
  EXPECT_NO_THROW(check_relative_name("..a/b..c/.d", "here"));
}

TEST(FolderWriter, SaysBeforehandThatTheDiskIsTooSmall) {
  const TemporaryFolder folder;
  FileToWrite large = text_to_write("a", "");
  large.bytes = int64_t{1} << 60;
  try {
    check_free_space(disk(), folder.path(), {large});
    FAIL() << "an exabyte is not free";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kDoesNotFit);
    EXPECT_THAT(error.what(), HasSubstr("1152921504606846976 bytes are to be written"));
  }
  EXPECT_NO_THROW(check_free_space(disk(), folder.path(), {text_to_write("a", "x")}));
}

void write_partial(FileSystem& files, const Path& folder, const std::string& text) {
  write_folder(files, partial_name(folder), {text_to_write("f", text)});
}

TEST(FolderWriter, PublishesAndRetracts) {
  const TemporaryFolder folder;
  const Path target = folder / "t";
  write_partial(disk(), target, "old");
  publish_folder(disk(), target);
  write_partial(disk(), target, "new");
  publish_folder(disk(), target);
  EXPECT_EQ(read_text_file(target / "f", 9), "new");
  retract_folder(disk(), target);
  EXPECT_EQ(read_text_file(target / "f", 9), "old");
  EXPECT_THAT(disk().list(folder.path()), ElementsAre("t"));
  remove_folder(disk(), target);
  EXPECT_THAT(disk().list(folder.path()), IsEmpty());
}

TEST(FolderWriter, AFailedReplacementLeavesTheOldFolder) {
  for (int64_t k = 0; k < 3; ++k) {  // rename, rename, sync_folder
    const TemporaryFolder folder;
    const Path target = folder / "t";
    folder.write("t/f", "old");
    write_partial(disk(), target, "new");
    FaultyFileSystem files(Fault::kIoError, k);
    EXPECT_THROW(publish_folder(files, target), FileError);
    EXPECT_TRUE(files.fired());
    EXPECT_EQ(read_text_file(target / "f", 9), "old") << k;
  }
}

// Crashes at every operation of replacing a folder, and then at every one of recovering from it.
TEST(FolderWriter, RecoversFromACrashAtAnyPointAndFromCrashesWhileRecovering) {
  const auto sound = [](const Path&) { return true; };
  for (int64_t k = 0; k < 3; ++k) {
    for (int64_t j = 0; j < 6; ++j) {
      const TemporaryFolder folder;
      const Path target = folder / "t";
      folder.write("t/f", "old");
      write_partial(disk(), target, "new");
      FaultyFileSystem dying(Fault::kCrash, k);
      EXPECT_THROW(publish_folder(dying, target), Crash);
      FaultyFileSystem dying_again(Fault::kCrash, j);
      try {
        recover_folder(dying_again, target, sound);
      } catch (const Crash&) {
        EXPECT_TRUE(dying_again.fired());
      }
      recover_folder(disk(), target, sound);
      EXPECT_THAT(disk().list(folder.path()), ElementsAre("t")) << k << " " << j;
      EXPECT_EQ(read_text_file(target / "f", 9), k == 2 ? "new" : "old") << k << " " << j;
    }
  }
}

TEST(FolderWriter, ADamagedNewFolderGivesWayToTheOld) {
  const TemporaryFolder folder;
  folder.write("t/f", "damaged");
  folder.write(".t.replaced/f", "old");
  folder.write(".t.partial/f", "half");
  const auto notes = recover_folder(disk(), folder / "t", [](const Path&) { return false; });
  EXPECT_EQ(read_text_file(folder / "t/f", 9), "old");
  EXPECT_THAT(disk().list(folder.path()), ElementsAre("t"));
  EXPECT_THAT(notes, ElementsAre(HasSubstr("was put back"), HasSubstr("was removed")));
}

}  // namespace
}  // namespace weft::io
