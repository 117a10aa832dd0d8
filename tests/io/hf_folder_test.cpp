#include "io/hf_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/core/faulty_file_system.h"
#include "tests/core/temporary_folder.h"
#include "tests/io/io_test_files.h"

namespace weft::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The real file system, without waiting for the device.
FileSystem& disk() {
  static FaultyFileSystem files(Fault::kNone);
  return files;
}

ModelFolder model(char fill = 'a') {
  return {.config = R"({"model_type": "llama", "rms_norm_eps": 1e-05})",
          .generation_config = R"({"eos_token_id": 2})",
          .tensors = {filled_tensor("w", StoredType::kBF16, {3, 5}, fill),
                      filled_tensor("b", StoredType::kF32, {2}, fill)},
          .more_files = {text_to_write("tokenizer.json", "{}")}};
}

char fill_of(const Path& folder) {
  return text_of(TensorSet::from_folder(folder).at("b").bytes)[0];
}

TEST(HfFolder, WritesWhatItReads) {
  const TemporaryFolder folder;
  const Path target = folder / "sub/new";
  EXPECT_THAT(
      write_model_folder(disk(), target, model(), Overwrite::kOurs),
      ElementsAre("config.json", "generation_config.json", "model.safetensors", "tokenizer.json"));
  EXPECT_EQ(read_model_config(target)["rms_norm_eps"], 1e-5);
  EXPECT_EQ(read_model_config(target)["exported_by"], "weft");
  EXPECT_EQ(read_optional_json(target, "generation_config.json")["eos_token_id"], 2);
  EXPECT_TRUE(read_optional_json(target, "none.json").is_null());
  EXPECT_THAT(tokenizer_files(target), ElementsAre(target / "tokenizer.json"));
  const TensorSet tensors = TensorSet::from_folder(target);
  EXPECT_EQ(text_of(tensors.at("w").bytes), std::string(30, 'a'));
  EXPECT_THAT(disk().list(folder / "sub"), ElementsAre("new"));
}

TEST(HfFolder, WritesShards) {
  const TemporaryFolder folder;
  ModelFolder sharded = model();
  sharded.shards.max_shard_bytes = 30;
  sharded.generation_config.clear();
  EXPECT_THAT(write_model_folder(disk(), folder / "m", sharded, Overwrite::kOurs),
              ElementsAre("config.json", "model-00001-of-00002.safetensors",
                          "model-00002-of-00002.safetensors", "model.safetensors.index.json",
                          "tokenizer.json"));
  EXPECT_EQ(fill_of(folder / "m"), 'a');
}

TEST(HfFolder, CopiesTokenizerFiles) {
  const TemporaryFolder folder;
  for (const std::string name : {"vocab.json", "merges.txt", "chat_template.jinja", "README.md"})
    folder.write("base/" + name, "text of " + name);
  ModelFolder contents = model();
  contents.more_files.clear();
  for (const Path& file : tokenizer_files(folder / "base"))
    contents.more_files.push_back(copy_to_write(file.filename().string(), file));
  write_model_folder(disk(), folder / "m", contents, Overwrite::kOurs);
  EXPECT_EQ(read_text_file(folder / "m/merges.txt", 100), "text of merges.txt");
  EXPECT_EQ(read_text_file(folder / "m/chat_template.jinja", 100), "text of chat_template.jinja");
  EXPECT_EQ(disk().status(folder / "m/README.md").kind, FileKind::kMissing);
}

TEST(HfFolder, SaysWhatIsWrongWithAConfig) {
  const TemporaryFolder folder;
  const auto why = [](const Path& path) { return error_message([&] { read_model_config(path); }); };
  EXPECT_THAT(why(folder / "none"), HasSubstr("is no folder; give the folder of a model"));
  EXPECT_THAT(why(folder.path()), HasSubstr("has no config.json"));
  folder.write("config.json", "{\"a\": 1,\n \"a\": 2}");
  EXPECT_THAT(why(folder.path()), HasSubstr("config.json:2:2: the key 'a' appears twice"));
  folder.write("config.json", "[1]");
  EXPECT_THAT(why(folder.path()), HasSubstr("a JSON object is needed"));
  EXPECT_THAT(why(folder.path() / "config.json"), HasSubstr("is no folder"));
}

TEST(HfFolder, RefusesAConfigThatIsNoObject) {
  const TemporaryFolder folder;
  ModelFolder wrong = model();
  wrong.config = "[]";
  EXPECT_THAT(
      error_message([&] { write_model_folder(disk(), folder / "m", wrong, Overwrite::kAny); }),
      HasSubstr("config.json: a JSON object is needed"));
  EXPECT_THAT(disk().list(folder.path()), IsEmpty());
}

TEST(HfFolder, ReplacesItsOwnFoldersOnly) {
  const TemporaryFolder folder;
  const auto why = [&](const std::string& name) {
    return error_message(
        [&] { write_model_folder(disk(), folder / name, model('n'), Overwrite::kOurs); });
  };
  std::filesystem::create_directory(folder / "empty");
  write_model_folder(disk(), folder / "empty", model('1'), Overwrite::kOurs);
  write_model_folder(disk(), folder / "empty", model('2'), Overwrite::kOurs);
  EXPECT_EQ(fill_of(folder / "empty"), '2');

  folder.write("empty/notes.txt", "mine");
  EXPECT_THAT(why("empty"),
              AllOf(HasSubstr("holds 'notes.txt', which Weft did not write"),
                    HasSubstr("choose another folder, empty this one, or give --overwrite")));
  folder.write("foreign/config.json", "{}");
  EXPECT_THAT(why("foreign"), HasSubstr("is not empty and was not written by Weft"));
  folder.write("file", "x");
  EXPECT_THAT(why("file"), HasSubstr("is a file; give a folder"));
  EXPECT_EQ(read_text_file(folder / "empty/notes.txt", 10), "mine");
  EXPECT_EQ(fill_of(folder / "empty"), '2');

  write_model_folder(disk(), folder / "foreign", model('3'), Overwrite::kAny);
  EXPECT_EQ(fill_of(folder / "foreign"), '3');
}

TEST(HfFolder, FollowsALinkToTheFolder) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "real");
  std::filesystem::create_directory_symlink(folder / "real", folder / "link");
  write_model_folder(disk(), folder / "link", model('l'), Overwrite::kOurs);
  EXPECT_TRUE(disk().status(folder / "link").is_link);
  EXPECT_EQ(fill_of(folder / "real"), 'l');
}

TEST(HfFolder, RefusesToReplaceWhereItStands) {
  for (const Path where : {"/", ".", "./"})
    EXPECT_THAT(error_message([&] { write_model_folder(disk(), where, model(), Overwrite::kAny); }),
                HasSubstr("cannot be replaced as a whole"));
}

TEST(HfFolder, SaysThatThereIsNoRoom) {
  const TemporaryFolder folder;
  ModelFolder large = model();
  large.tensors[0].shape = {int64_t{1} << 55};
  try {
    write_model_folder(disk(), folder / "m", large, Overwrite::kOurs);
    FAIL() << "64 petabytes are not free";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kDoesNotFit);
  }
  EXPECT_THAT(disk().list(folder.path()), IsEmpty());
}

TEST(HfFolder, NothingIsLeftOfWhatFailsWhileItIsWritten) {
  const TemporaryFolder folder;
  ModelFolder failing = model();
  const std::vector<float> values = {1e9f};
  failing.tensors.push_back(floats_to_write("big", {1}, values, StoredType::kF16));
  EXPECT_THAT(
      error_message([&] { write_model_folder(disk(), folder / "m", failing, Overwrite::kOurs); }),
      HasSubstr("tensor 'big' has 1 value(s) too large for F16"));
  EXPECT_THAT(disk().list(folder.path()), IsEmpty());
}

// Fails or stops every file operation of replacing a folder.
TEST(HfFolder, HoldsTheOldOrTheNewModelWhateverFails) {
  const TemporaryFolder probe;
  write_model_folder(disk(), probe / "m", model('o'), Overwrite::kOurs);
  FaultyFileSystem healthy;
  write_model_folder(healthy, probe / "m", model('n'), Overwrite::kOurs);
  for (const Fault fault : {Fault::kDiskFull, Fault::kIoError, Fault::kCrash}) {
    for (int64_t k = 0; k < healthy.operations(); ++k) {
      const TemporaryFolder folder;
      const Path target = folder / "m";
      write_model_folder(disk(), target, model('o'), Overwrite::kOurs);
      FaultyFileSystem files(fault, k);
      EXPECT_ANY_THROW(write_model_folder(files, target, model('n'), Overwrite::kOurs));
      const bool between_renames = disk().status(target).kind == FileKind::kMissing;
      EXPECT_TRUE(!between_renames || fault == Fault::kCrash) << files.log().back();
      const char fill = between_renames ? 'o' : fill_of(target);
      EXPECT_THAT(fill, ::testing::AnyOf('o', 'n'));
      ModelFolder bad = model('x');  // recovery happens even if the next export fails
      bad.tensors[0].shape = {int64_t{1} << 55};
      EXPECT_ANY_THROW(write_model_folder(disk(), target, bad, Overwrite::kOurs));
      EXPECT_THAT(fill_of(target), ::testing::AnyOf('o', 'n')) << files.log().back();
      EXPECT_THAT(disk().list(folder.path()), ElementsAre("m")) << files.log().back();
    }
  }
}

}  // namespace
}  // namespace weft::io
