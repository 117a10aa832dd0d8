// Streams over shards, and dataset.json.
#include "data/token_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "data_test_util.h"

namespace weft::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string slurp(const Path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(TokenStream, ReadsAcrossShards) {
  const TemporaryFolder temporary;
  for (const int64_t shard_tokens : {1, 2, 3, 7, 1000}) {
    const Path folder =
        write_tokens_folder(temporary / std::to_string(shard_tokens), {{1, 2, 3}, {4}, {}, {5, 6}},
                            {.shard_tokens = shard_tokens});
    const TokenStream stream(folder, Split::kTrain);
    EXPECT_THAT(all_tokens(stream), ElementsAre(1, 2, 3, 299, 4, 299, 299, 5, 6, 299));
    EXPECT_EQ(stream.documents(), 4);
    EXPECT_EQ(stream.bytes(), 6);
    for (int64_t begin = 0; begin <= 10; ++begin)
      for (int64_t end = begin; end <= 10; ++end) {
        std::vector<int32_t> part(static_cast<size_t>(end - begin));
        stream.read(begin, part);
        const auto all = all_tokens(stream);
        ASSERT_EQ(part, std::vector<int32_t>(all.begin() + begin, all.begin() + end));
      }
    stream.verify();
  }
}

TEST(TokenStream, TellsWhereDocumentsBegin) {
  const TemporaryFolder temporary;
  for (const int64_t shard_tokens : {1, 2, 3, 4, 5, 1000}) {
    const Path folder =
        write_tokens_folder(temporary / std::to_string(shard_tokens), {{1, 2, 3}, {4}, {}, {5, 6}},
                            {.shard_tokens = shard_tokens});
    const TokenStream stream(folder, Split::kTrain);
    std::vector<int32_t> begins(10);
    stream.document_begins(0, begins);
    EXPECT_THAT(begins, ElementsAre(0, 0, 0, 0, 4, 4, 6, 7, 7, 7));
    begins.resize(6);
    stream.document_begins(2, begins);  // 3 299 | 4 299 | 299 | 5
    EXPECT_THAT(begins, ElementsAre(0, 0, 2, 2, 4, 5));
  }
}

TEST(TokenStream, JoinsFoldersOfTheSameTokenizerOnly) {
  const TemporaryFolder temporary;
  const std::vector<Path> same = {write_tokens_folder(temporary / "a", {{1}}),
                                  write_tokens_folder(temporary / "b", {{2}})};
  const TokenStream stream(same, Split::kTrain);
  EXPECT_THAT(all_tokens(stream), ElementsAre(1, 299, 2, 299));
  const std::vector<Path> other = {
      same[0], write_tokens_folder(temporary / "c", {{2}}, {.tokenizer_hash = "4567"})};
  EXPECT_THAT(error_message([&] { TokenStream(other, Split::kTrain); }),
              HasSubstr("was made with another tokenizer"));
}

TEST(TokenStream, RefusesAModelWithTooSmallAVocabulary) {
  const TemporaryFolder temporary;
  const TokenStream stream(write_tokens_folder(temporary / "a", {{1}}), Split::kTrain);
  EXPECT_NO_THROW(stream.check_vocabulary(300));
  EXPECT_THAT(error_message([&] { stream.check_vocabulary(299); }),
              HasSubstr("a vocabulary of 300 tokens, the model's vocab_size is 299"));
}

TEST(TokenStream, RefusesFoldersThatAreNotWhole) {
  const TemporaryFolder temporary;
  const Path folder = write_tokens_folder(temporary / "a", {counting(100, 50)});
  const Path shard = folder / "train-00000.weft";
  const auto error = [&] {
    return error_message([&] { TokenStream(folder, Split::kTrain).verify(); });
  };
  EXPECT_THAT(error_message([&] { TokenStream(temporary / "none", Split::kTrain); }),
              HasSubstr("is no tokens folder: it holds no dataset.json"));

  const std::string good = slurp(shard);
  // A whole shard, but of another run.
  write_tokens_folder(temporary / "b", {counting(100, 49)});
  temporary.write("a/train-00000.weft", slurp(temporary / "b" / "train-00000.weft"));
  EXPECT_THAT(error(), HasSubstr("is not the one that dataset.json beside it lists"));
  temporary.write("a/train-00000.weft", good.substr(0, 100));
  EXPECT_THAT(error(), HasSubstr("is 100 bytes long"));
  temporary.write("a/train-00000.weft", "");
  EXPECT_THAT(error(), HasSubstr("is 0 bytes long"));
  std::filesystem::remove(shard);
  EXPECT_THAT(error(), HasSubstr("train-00000.weft"));
}

DatasetManifest example_manifest() {
  DatasetManifest manifest;
  manifest.tokenizer = "bpe";
  manifest.tokenizer_hash = "abc";
  manifest.vocab_size = 1000;
  manifest.eos_token_id = 999;
  manifest.split_by = SplitBy::kTail;
  manifest.split_size = 0.05;
  manifest.split_seed = UINT64_MAX;
  manifest.input_files = 3;
  manifest.input_bytes = 12345;
  manifest.input_hash = "def";
  manifest.left_out = {{"symbolic link", 2, "a \"b\" \xFF"}};
  manifest.split(Split::kTrain) = {.documents = 5,
                                   .bytes = 400,
                                   .tokens = 120,
                                   .shards = {{100, 4, 500, 0xFEDCBA9876543210u}, {20, 1, 99, 7}}};
  return manifest;
}

TEST(DatasetManifest, IsReadBackAsItWasWritten) {
  DatasetManifest manifest = example_manifest();
  const DatasetManifest read = parse_manifest(to_json(manifest), "d.json");
  manifest.left_out[0].example = "a \"b\" \xEF\xBF\xBD";  // names need not be UTF-8, JSON must
  EXPECT_EQ(read, manifest);
  EXPECT_EQ(to_json(read), to_json(manifest));
}

// The message for the example with one part of its text replaced.
std::string error_with(const std::string& from, const std::string& to) {
  std::string json = to_json(example_manifest());
  const size_t at = json.find(from);
  EXPECT_NE(at, json.npos) << from;
  json.replace(at, from.size(), to);
  return error_message([&] { parse_manifest(json, "d.json"); });
}

TEST(DatasetManifest, SaysWhatIsWrong) {
  EXPECT_THAT(error_with("weft-tokens", "other"), HasSubstr("describes no tokens folder"));
  EXPECT_THAT(error_with("\"version\": 1", "\"version\": 2"),
              HasSubstr("has version 2, this program reads version 1"));
  EXPECT_THAT(error_with("\"version\": 1", "\"version\": [[1]]"), HasSubstr("no version number"));
  EXPECT_THAT(error_with("\"left_out\"", "\"left\""), HasSubstr("left is unknown"));
  EXPECT_THAT(error_with("\"seed\": 18446744073709551615", "\"seed\": -1"),
              HasSubstr("val_split.seed is no integer"));
  EXPECT_THAT(error_with("\"size\": 0.05", "\"size\": 1.0"), HasSubstr("val_split.size"));
  EXPECT_THAT(error_with("\"tail\"", "\"middle\""), HasSubstr("neither \"hash\" nor \"tail\""));
  EXPECT_THAT(error_with("\"tokens\": 100", "\"tokens\": 1e2"),
              HasSubstr("train.shards[0].tokens is no integer"));
  EXPECT_THAT(error_with("\"tokens\": 100", "\"tokens\": 99"),
              HasSubstr("train.tokens is not the sum"));
  EXPECT_THAT(error_with("\"tokens\": 100", "\"tokens\": 9223372036854775807"),
              HasSubstr("train.shards[0].tokens is no integer from 0 to 120"));
  EXPECT_THAT(error_with("train-00001.weft", "../secret"),
              HasSubstr("train.shards[1].file is not \"train-00001.weft\""));
  EXPECT_THAT(error_with("fedcba9876543210", "fedcba987654321"), HasSubstr("hash"));
  EXPECT_THAT(error_with("\"eos_token_id\": 999", "\"eos_token_id\": 1000"),
              HasSubstr("eos_token_id is no integer from 0 to 999"));
  EXPECT_THAT(error_with("\"files\": 3", "\"files\": 3, \"files\": 4"), HasSubstr("files"));
  EXPECT_THAT(error_message([] { parse_manifest("{", "d.json"); }), HasSubstr("d.json"));
  EXPECT_THAT(error_message([] { parse_manifest("[]", "d.json"); }), HasSubstr("no tokens folder"));
}

}  // namespace
}  // namespace weft::data
