// Model folders that are wrong: cut, malformed, of another model.
#include "cli_test.h"

namespace weft::test {
namespace {

// `path` gets `content`; or, with `replace`, the first `replace` in it becomes `content`; or, with
// `cut`, only so many bytes stay.
struct Damage {
  const char* name;
  const char* path;
  std::string content;
  std::string replace;
  std::optional<size_t> cut;
  std::vector<std::string> messages;
};

std::vector<Damage> damages() {
  const char* weights = "model/model.safetensors";
  const char* config = "model/config.json";
  return {
      {"WeightsCutInTheHeader", weights, "", "", 300, {weights, "cut short"}},
      {"WeightsCutInTheData", weights, "", "", 100000, {weights, "cut short"}},
      {"WeightsEmpty", weights, "", "", 0, {weights, "0 bytes are no safetensors file"}},
      {"WeightsOfNoise", weights, std::string(5000, '\xA7'), "", {}, {weights, "no safetensors"}},
      {"WeightsWithABadHeader",
       weights,
       "lm_head.waight",
       "lm_head.weight",
       {},
       {weights, "has no tensor 'lm_head.weight'"}},
      {"ConfigEmpty", config, "", "", 0, {config, "1:1"}},
      {"ConfigCut", config, "", "", 200, {config}},
      {"ConfigIsAList", config, "[]", "", {}, {config, "not a map"}},
      {"ConfigOfAnotherWidth",
       config,
       "\"hidden_size\": 544",
       "\"hidden_size\": 272",
       {},
       {weights, "makes it [264, 544]"}},
      {"ConfigOfMoreLayers",
       config,
       "\"num_hidden_layers\": 2",
       "\"num_hidden_layers\": 1",
       {},
       {weights, "has no tensor 'model.layers.1."}},
      {"ConfigOfAHugeModel",
       config,
       "\"hidden_size\": 9000000000",
       "\"hidden_size\": 272",
       {},
       {config, "hidden_size", "out of range"}},
      {"ConfigWithAWord",
       config,
       "\"hidden_size\": \"big\"",
       "\"hidden_size\": 272",
       {},
       {config, "hidden_size", "not an integer"}},
      {"AnotherKindOfModel",
       config,
       "\"bert\"",
       "\"llama\"",
       {},
       {config, "model_type", "gpt2, llama, mistral, qwen2 or qwen3"}},
      {"VocabularySmallerThanTheTokenizers",
       config,
       "\"vocab_size\": 250",
       "\"vocab_size\": 264",
       {},
       {"'model' has 257 tokens, the model only 250", "put the tokenizer beside it"}},
  };
}

class BadModel : public CliTest, public testing::WithParamInterface<Damage> {};

TEST_P(BadModel, IsRefusedByEveryVerb) {
  const Damage& damage = GetParam();
  write_chain_model(folder_ / "model");
  write("text.txt", sample_text(3));
  std::string content = damage.content;
  if (damage.cut) content = text_of(damage.path).substr(0, *damage.cut);
  if (!damage.replace.empty()) {
    content = text_of(damage.path);
    const size_t at = content.find(damage.replace);
    ASSERT_NE(at, std::string::npos) << content.substr(0, 1000);
    content.replace(at, damage.replace.size(), damage.content);
  }
  write(damage.path, content);
  expect_error({"generate", "--model", "model", "--prompt", "a"}, damage.messages);
  expect_error({"evaluate", "--model", "model", "--text", "text.txt"}, damage.messages);
  expect_error({"export", "model", "-o", "exported"}, damage.messages);
}

INSTANTIATE_TEST_SUITE_P(Folders, BadModel, testing::ValuesIn(damages()),
                         [](const auto& damage) { return std::string(damage.param.name); });

class ModelFolders : public CliTest {};

TEST_F(ModelFolders, MissingPartsAreNamed) {
  write_chain_model(folder_ / "model", {.with_tokenizer = false});
  expect_error({"generate", "--model", "model", "--prompt", "a"},
               {"'model' has no tokenizer.json"});
  expect_error({"evaluate", "--model", "model", "--text", "x"}, {"'model' has no tokenizer.json"});
  expect_error({"generate", "--model", "nowhere", "--prompt", "a"}, {"no folder 'nowhere'"});
  fs::create_directory(folder_ / "empty");
  expect_error({"generate", "--model", "empty", "--prompt", "a"},
               {"'empty' has neither a config.json nor a checkpoint"});
  fs::rename(folder_ / "model/model.safetensors", folder_ / "model/pytorch_model.bin");
  expect_error({"export", "model", "-o", "x"}, {"'model' has neither", "is a pickle"});
}

TEST_F(ModelFolders, AnIndexThatNamesAMissingShardIsToldOf) {
  write_chain_model(folder_ / "model");
  fs::remove(folder_ / "model/model.safetensors");
  write("model/model.safetensors.index.json",
        R"({"weight_map": {"lm_head.weight": "model-00001-of-00002.safetensors"}})");
  expect_error({"export", "model", "-o", "x"},
               {"model/model.safetensors.index.json", "model-00001-of-00002.safetensors",
                "there is no such file"});
  write("model/model.safetensors.index.json", R"({"weight_map": {"a": "../../x.safetensors"}})");
  expect_error({"export", "model", "-o", "x"}, {"model.safetensors.index.json", "folder"});
}

TEST_F(ModelFolders, ExportsNeverReplaceWhatIsNotTheirs) {
  write_chain_model(folder_ / "model");
  write("full/important", "mine");
  expect_error({"export", "model", "-o", "full"}, {"is not empty", "--overwrite"});
  expect_error({"export", "model", "-o", "full/important"}, {"is a file"});
  expect_error({"export", "model", "-o", "."}, {"would replace the model"});
  expect_error({"export", "model", "-o", "model", "--overwrite"}, {"would replace the model"});
  expect_error({"export", "model", "-o", "x", "--dtype", "int8"}, {"--dtype", "fp32, bf16, fp16"});
  must({"export", "model", "-o", "out"});
  must({"export", "model", "-o", "out"});
  must({"export", "model", "-o", "full", "--overwrite"});
}

TEST_F(ModelFolders, BadCheckpointsAreNotImported) {
  write("empty.bin", "");
  write("noise.bin", std::string(3000, '\x93'));
  fs::create_directory(folder_ / "folder");
  expect_error({"import", "missing.bin", "-o", "out"}, {"missing.bin", "no such file"});
  expect_error({"import", "empty.bin", "-o", "out"}, {"empty.bin", "no llama2.c checkpoint"});
  expect_error({"import", "noise.bin", "-o", "out"}, {"noise.bin", "no llama2.c checkpoint"});
  expect_error({"import", "folder", "-o", "out"}, {"'folder' holds 0 checkpoints"});
}

}  // namespace
}  // namespace weft::test
