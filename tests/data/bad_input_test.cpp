// Input and places that harm: lines without end, documents without text, mixed line ends, more
// tokens than 32 bits count, a target that cannot be written. Damaged archives, JSON and tables
// stand in input_formats_test.cpp and text_reader_test.cpp, full disks in prepare_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "data/prepare.h"
#include "data/shard_format.h"
#include "data/standard_input.h"
#include "data_test_util.h"
#include "tests/core/faulty_file_system.h"

namespace weft::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BadInputs : public ::testing::Test {
 protected:
  PrepareResult run(const std::string& name, std::string_view bytes) {
    options_.inputs = {folder_.write(name, bytes).string()};
    options_.output = folder_ / "tokens";
    options_.overwrite = true;
    options_.split = {.size = 0};
    return prepare(tokenizer_, options_);
  }
  std::vector<std::string> documents() {
    std::vector<std::string> result(1);
    const TokenStream stream(folder_ / "tokens", Split::kTrain);
    for (const int32_t token : all_tokens(stream)) {
      if (token == ByteIds::kEos) result.emplace_back();
      else result.back() += static_cast<char>(token);
    }
    result.pop_back();
    return result;
  }
  bool nothing_is_left() {
    for (const std::string& name : real_file_system().list(folder_.path()))
      if (name.find("tokens") != name.npos) return false;
    return true;
  }

  TemporaryFolder folder_;
  ByteIds tokenizer_;
  PrepareOptions options_;
};

// In pieces: what is held in memory does not grow with the line.
TEST_F(BadInputs, ATextWithoutLineEndsIsReadInPieces) {
  const std::string line(5 << 20, 'x');
  const PrepareResult result = run("a.txt", line);
  EXPECT_EQ(result.manifest.split(Split::kTrain).documents, 1);
  EXPECT_EQ(result.manifest.split(Split::kTrain).tokens, (5 << 20) + 1);
}

TEST_F(BadInputs, ARecordWithoutEndStopsOrIsLeftOut) {
  const std::string endless = "{\"text\": \"" + std::string(65 << 20, 'x');
  const std::string all = "{\"text\": \"one\"}\n" + endless + "\"}\n{\"text\": \"two\"}\n";
  EXPECT_THAT(error_message([&] { run("a.jsonl", all); }),
              AllOf(HasSubstr("a.jsonl:2: the record has more than 67108864 bytes"),
                    HasSubstr("give it as a .txt file")));
  EXPECT_TRUE(nothing_is_left());
  options_.bad_input = BadInput::kSkip;
  const PrepareResult result = run("a.jsonl", all);
  EXPECT_THAT(documents(), ElementsAre("one", "two"));
  ASSERT_EQ(result.manifest.left_out.size(), 1u);
  EXPECT_THAT(result.manifest.left_out[0].example, HasSubstr("a.jsonl:2"));
}

TEST_F(BadInputs, DocumentsWithoutTextAreCountedNotKept) {
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += "{\"text\": \"\"}\n";
  const PrepareResult result = run("a.jsonl", lines + "{\"text\": \"x\"}\n" + lines);
  EXPECT_THAT(documents(), ElementsAre("x"));
  ASSERT_EQ(result.manifest.left_out.size(), 1u);
  EXPECT_EQ(result.manifest.left_out[0].reason, "empty document");
  EXPECT_EQ(result.manifest.left_out[0].count, 40'000);
  EXPECT_THAT(error_message([&] { run("b.jsonl", lines); }), HasSubstr("no text is left"));
  EXPECT_THAT(real_file_system().list(folder_.path()),
              ElementsAre("a.jsonl", "b.jsonl", "tokens"));  // the old ones
}

TEST_F(BadInputs, LineEndsMayBeMixed) {
  run("a.jsonl", "\xEF\xBB\xBF{\"text\": \"a\"}\r\n{\"text\": \"b\"}\n\r\n{\"text\": \"c\"}\r\n");
  EXPECT_THAT(documents(), ElementsAre("a", "b", "c"));
  run("b.csv", "text,n\r\na,1\nb,2\r\n\"c\r\nd\",3\n");
  EXPECT_THAT(documents(), ElementsAre("a", "b", "c\r\nd"));
  options_.stages = {{.stage = StageKind::kCharacters}};
  run("c.txt", "a\r\nb\rc\nd");
  EXPECT_THAT(documents(), ElementsAre("a\nb\nc\nd"));
}

TEST_F(BadInputs, NestingIsBounded) {
  std::string deep = "{\"text\": ";
  for (int i = 0; i < 100'000; ++i) deep += "{\"text\": ";
  EXPECT_THAT(error_message([&] { run("a.jsonl", deep); }), HasSubstr("a.jsonl:1: "));
  EXPECT_THAT(error_message([&] { run("b.json", std::string(100'000, '[')); }),
              HasSubstr("b.json"));
  EXPECT_TRUE(nothing_is_left());
}

TEST_F(BadInputs, ATargetThatCannotBeWrittenIsNamed) {
  folder_.write("file", "x");
  options_.inputs = {folder_.write("a.txt", "text").string()};
  for (const Path& target : {Path("/proc/weft-tokens"), folder_ / "file" / "tokens"}) {
    options_.output = target;
    try {
      prepare(tokenizer_, options_);
      ADD_FAILURE() << target;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInput);
      EXPECT_THAT(error.what(), HasSubstr(target.parent_path().string()));
    }
  }
}

TEST_F(BadInputs, AFullDiskLeavesNothingOfStandardInput) {
  for (const Fault fault : {Fault::kDiskFull, Fault::kShortWrite, Fault::kIoError})
    for (int64_t at = 0; at < 2; ++at) {
      std::array<int, 2> ends{};
      ASSERT_EQ(::pipe(ends.data()), 0);
      ASSERT_EQ(::write(ends[1], "text", 4), 4);
      ::close(ends[1]);
      FaultyFileSystem files(fault, at);
      EXPECT_THROW(spool(files, ends[0], folder_ / "input"), FileError);
      ::close(ends[0]);
      EXPECT_EQ(real_file_system().status(folder_ / "input").kind, FileKind::kMissing);
    }
}

// Who waits for a pipe in which nothing comes can be stopped.
TEST_F(BadInputs, WaitingForStandardInputCanBeEnded) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ASSERT_EQ(::write(ends[1], "text", 4), 4);
  int calls = 0;
  const auto end = [&] {
    if (++calls == 3) throw Error("ended", ExitCode::kInterrupted);
  };
  EXPECT_THROW(spool(real_file_system(), ends[0], folder_ / "input", end), Error);
  EXPECT_EQ(calls, 3);
  for (const int descriptor : ends) ::close(descriptor);
  EXPECT_EQ(real_file_system().status(folder_ / "input").kind, FileKind::kMissing);
}

// A shard of zeros that takes no room on the disk, but for its table of hashes.
ShardSummary write_sparse_shard(const Path& path, int64_t tokens, int32_t vocab_size) {
  ShardHeader header;
  header.token_bytes = token_bytes_for(vocab_size);
  header.token_count = static_cast<uint64_t>(tokens);
  header.document_count = 1;  // at token 0: zeros as well
  header.vocab_size = static_cast<uint64_t>(vocab_size);
  const ShardLayout layout(header);
  const std::vector<std::byte> block(static_cast<size_t>(kShardBlockBytes));
  std::vector<uint64_t> table(static_cast<size_t>(layout.blocks()), hash64(block));
  const int64_t rest = (layout.table_at() - layout.tokens_at()) % kShardBlockBytes;
  if (rest > 0) table.back() = hash64(std::span(block).first(static_cast<size_t>(rest)));
  header.table_hash = hash64(std::as_bytes(std::span(table)));
  header.header_hash = hash64(std::as_bytes(std::span(&header, 1)).first(56));
  {
    const auto file = real_file_system().open_for_writing(path, WriteMode::kReplace);
    file->write(std::as_bytes(std::span(&header, 1)));
    file->close();
  }
  std::filesystem::resize_file(path, static_cast<uintmax_t>(layout.table_at()));
  const auto file = real_file_system().open_for_writing(path, WriteMode::kAppend);
  file->write(std::as_bytes(std::span(table)));
  file->close();
  return {
      .tokens = tokens, .documents = 1, .bytes = layout.file_bytes(), .hash = header.header_hash};
}

TEST(ManyTokens, MoreThan32BitsCountAreReadAndShuffled) {
  constexpr int64_t kPerShard = (int64_t{1} << 31) + 12345;
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "tokens");
  DatasetManifest manifest;
  manifest.tokenizer = "bytes";
  manifest.tokenizer_hash = "0123";
  manifest.vocab_size = 300;
  manifest.eos_token_id = 299;
  SplitContent& train = manifest.split(Split::kTrain);
  for (size_t i = 0; i < 3; ++i)
    train.shards.push_back(
        write_sparse_shard(folder / "tokens" / shard_name(Split::kTrain, i), kPerShard, 300));
  train.tokens = 3 * kPerShard;
  train.documents = 3;
  write_file_atomically(real_file_system(), folder / "tokens" / kManifestName, to_json(manifest));

  const TokenStream stream(folder / "tokens", Split::kTrain);
  ASSERT_EQ(stream.tokens(), 3 * kPerShard);
  std::vector<int32_t> tokens(100, -1), begins(100, -1);
  for (const int64_t at : {(int64_t{1} << 32) - 50, 2 * kPerShard - 50, stream.tokens() - 100}) {
    stream.read(at, tokens);
    EXPECT_EQ(tokens, std::vector<int32_t>(100, 0));
  }
  stream.document_begins(2 * kPerShard - 50, begins);
  EXPECT_EQ(begins[49], 0);
  EXPECT_EQ(begins[50], 50);
  EXPECT_EQ(begins[99], 50);
}

}  // namespace
}  // namespace weft::data
