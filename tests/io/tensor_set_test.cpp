#include "io/tensor_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/strict_json.h"
#include "tests/core/temporary_folder.h"
#include "tests/io/io_test_files.h"

namespace weft::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<TensorToWrite> four_tensors() {
  return {filled_tensor("d", StoredType::kF32, {25}, 'd'),     // 100 bytes
          filled_tensor("c", StoredType::kBF16, {50}, 'c'),    // 100
          filled_tensor("b", StoredType::kF32, {10, 5}, 'b'),  // 200
          filled_tensor("a", StoredType::kU8, {1}, 'a')};
}

std::vector<std::string> write(const Path& folder, const ShardOptions& options) {
  std::vector<std::string> names;
  for (const WrittenFile& file :
       write_folder(real_file_system(), folder, files_of_tensors(four_tensors(), options)))
    names.push_back(file.name);
  return names;
}

void expect_four_tensors(const TensorSet& set) {
  ASSERT_EQ(set.tensors().size(), 4u);
  EXPECT_EQ(set.tensors()[0].name, "a");
  EXPECT_EQ(set.tensors()[3].name, "d");
  EXPECT_EQ(text_of(set.at("b").bytes), std::string(200, 'b'));
  EXPECT_EQ(text_of(set.at("d").bytes), std::string(100, 'd'));
  EXPECT_EQ(set.find("e"), nullptr);
  EXPECT_THAT(error_message([&] { set.at("e"); }), HasSubstr("has no tensor 'e' among its 4"));
  EXPECT_EQ(set.metadata().at("format"), "pt");
}

TEST(TensorSet, OneFileWhereItFits) {
  const TemporaryFolder folder;
  EXPECT_THAT(write(folder / "m", {}), ElementsAre("model.safetensors"));
  expect_four_tensors(TensorSet::from_folder(folder / "m"));
  EXPECT_THAT(write(folder / "n", {.max_shard_bytes = 401, .stem = "adapter_model"}),
              ElementsAre("adapter_model.safetensors"));
  expect_four_tensors(TensorSet::from_folder(folder / "n", "adapter_model"));
}

TEST(TensorSet, ShardsWithAnIndex) {
  const TemporaryFolder folder;
  EXPECT_THAT(write(folder / "m", {.max_shard_bytes = 200}),
              ElementsAre("model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
                          "model-00003-of-00003.safetensors", "model.safetensors.index.json"));
  expect_four_tensors(TensorSet::from_folder(folder / "m"));
  const auto index = read_json_file(folder / "m/model.safetensors.index.json");
  EXPECT_EQ(index["metadata"]["total_size"], 401);
  EXPECT_EQ(index["weight_map"]["c"], "model-00001-of-00003.safetensors");
  EXPECT_EQ(index["weight_map"]["b"], "model-00002-of-00003.safetensors");
}

TEST(TensorSet, ATensorLargerThanAShardGetsItsOwn) {
  const TemporaryFolder folder;
  EXPECT_EQ(write(folder / "m", {.max_shard_bytes = 1}).size(), 5u);
  expect_four_tensors(TensorSet::from_folder(folder / "m"));
}

TEST(TensorSet, NoTensorsAreOneEmptyFile) {
  const auto files = files_of_tensors({});
  ASSERT_EQ(files.size(), 1u);
  MemoryFile out;
  files[0].content(out);
  EXPECT_TRUE(parse(out.text).entries.empty());
  EXPECT_EQ(files[0].bytes, static_cast<int64_t>(out.text.size()));
}

TEST(TensorSet, TwoTensorsOfOneNameAreRefusedAcrossShards) {
  std::vector<TensorToWrite> tensors = four_tensors();
  tensors[3].name = "d";
  EXPECT_THAT(error_message([&] { files_of_tensors(tensors, {.max_shard_bytes = 1}); }),
              HasSubstr("two tensors of the name 'd'"));
}

TEST(TensorSet, SaysWhatAFolderLacks) {
  const TemporaryFolder folder;
  const auto why = [&] { return error_message([&] { TensorSet::from_folder(folder.path()); }); };
  EXPECT_THAT(why(),
              AllOf(HasSubstr("has neither model.safetensors nor model.safetensors.index.json"),
                    HasSubstr("give the folder of a model")));
  folder.write("pytorch_model.bin", "PK");
  EXPECT_THAT(
      why(),
      AllOf(HasSubstr("'pytorch_model.bin' is a pickle"),
            HasSubstr("Weft never reads pickle, for a pickle can run any program. Convert it once"),
            HasSubstr("save_pretrained('NEW', safe_serialization=True)")));
  folder.write("model.safetensors", "x");
  folder.write("model.safetensors.index.json", "{}");
  EXPECT_THAT(why(), HasSubstr("has both model.safetensors and model.safetensors.index.json"));
  EXPECT_THAT(error_message([&] { TensorSet::from_folder(folder / "none"); }),
              HasSubstr("no such file or folder"));
}

TEST(TensorSet, AnIndexMayNotLeaveItsFolderNorLie) {
  const TemporaryFolder folder;
  write(folder / "m", {.max_shard_bytes = 200});
  const std::string first = "model-00001-of-00003.safetensors";
  const auto why = [&](const std::string& weight_map) {
    folder.write("m/model.safetensors.index.json", weight_map);
    return error_message([&] { TensorSet::from_folder(folder / "m"); });
  };
  const auto with_shard = [](const std::string& shard) {
    return R"({"weight_map": {"a": ")" + shard + R"("}})";
  };
  for (const std::string shard : {"../x.safetensors", "/etc/x.safetensors", "a/b.safetensors", "..",
                                  "", ".", "x.bin", "a\\\\b.safetensors", "\\u0000.safetensors"})
    EXPECT_THAT(why(with_shard(shard)), HasSubstr("folder")) << shard;
  EXPECT_THAT(why(with_shard("none.safetensors")), HasSubstr("no such file"));
  EXPECT_THAT(why(with_shard(first)), HasSubstr("places the tensor 'a' in"));
  EXPECT_THAT(why(R"({"weight_map": {"d": ")" + first + R"("}})"),
              AllOf(HasSubstr("holds the tensor 'c'"), HasSubstr("does not place there")));
  EXPECT_THAT(why(R"({"weight_map": {"d": 1}})"), HasSubstr("weight_map of 'd' is no file name"));
  EXPECT_THAT(why(R"({"weight_map": {}})"), HasSubstr("the weight_map is empty"));
  EXPECT_THAT(why(R"({"weight_map": []})"), HasSubstr("an index needs an object"));
  EXPECT_THAT(why("[]"), HasSubstr("an index needs an object"));
  EXPECT_THAT(why(R"({"weight_map": {"a":"x.safetensors","a":"y.safetensors"}})"),
              HasSubstr("the key 'a' appears twice"));
}

TEST(TensorSet, OpensShardsOfOtherPrograms) {
  const char* data = std::getenv("WEFT_DATA");
  const Path folder = Path(data == nullptr ? "" : data) / "tiny-models/tiny_qwen3_sharded";
  // Public models, which do not belong to the project.
  if (real_file_system().status(folder).kind != FileKind::kFolder)
    GTEST_SKIP() << "WEFT_DATA has no tiny-models: public data that may not be copied here";
  const TensorSet set = TensorSet::from_folder(folder);
  EXPECT_GT(set.tensors().size(), 20u);
  EXPECT_EQ(set.at("model.layers.0.input_layernorm.weight").type, StoredType::kBF16);
}

}  // namespace
}  // namespace weft::io
