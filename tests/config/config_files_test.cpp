// Every config of the repository loads, prints to an equal one and has the published size.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "config_test_files.h"
#include "nn/model_config_file.h"

namespace weft {
namespace {

std::vector<Path> yaml_files(const Path& folder) {
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files.push_back(entry.path());
  return files;
}

// Weights as published models have them: projections, norms, biases, embeddings, head.
int64_t parameter_count(const nn::ModelConfig& config) {
  const nn::DecoderSpec s = nn::decoder_spec(config);
  const int64_t c = s.hidden_size, f = s.intermediate_size, q = s.heads * s.head_dim;
  const int64_t norm = s.norm == nn::NormKind::kLayerNorm ? 2 * c : c;
  const int64_t matrices = c * s.qkv_width() + q * c + (s.gated ? 3 : 2) * c * f;
  const int64_t biases = (s.qkv_bias ? s.qkv_width() : 0) + (s.attention_out_bias ? c : 0) +
                         (s.mlp_bias ? f + c : 0) + (s.qk_norm ? 2 * s.head_dim : 0);
  const int64_t embeddings =
      s.vocab_size * c * (s.tied_head ? 1 : 2) + (s.learned_positions ? s.max_positions * c : 0);
  return embeddings + norm + s.layers * (matrices + biases + 2 * norm);
}

TEST(ConfigFiles, EveryPretrainConfigLoadsAndPrintsToAnEqualOne) {
  const std::vector<Path> files = yaml_files(repository_configs() / "pretrain");
  ASSERT_GE(files.size(), 7u);
  for (const Path& file : files) {
    const train::LoadedPretrainConfig loaded = train::load_pretrain_config(file);
    EXPECT_THAT(loaded.notes, testing::IsEmpty()) << file;
    const std::string printed = config::print(loaded.config);
    const auto again = train::load_pretrain_config("p.yaml", {}, texts({{"p.yaml", printed}}));
    EXPECT_EQ(again.config, loaded.config) << printed;
    EXPECT_EQ(config::print(again.config), printed);
  }
}

TEST(ConfigFiles, EveryModelConfigLoadsPrintsAndExportsToAnEqualOne) {
  const std::vector<Path> files = yaml_files(repository_configs() / "models");
  ASSERT_GE(files.size(), 20u);
  for (const Path& file : files) {
    std::vector<std::string> notes;
    const nn::ModelConfig model = train::load_model_config(file.string(), "", notes);
    EXPECT_THAT(notes, testing::IsEmpty()) << file;
    const std::string json = nn::hugging_face_config(model);
    const auto exported =
        train::load_model_config("./c.json", "", notes, texts({{"./c.json", json}}));
    EXPECT_EQ(exported, model) << json;
    const auto printed = train::load_model_config("./p.yaml", "", notes,
                                                  texts({{"./p.yaml", config::print(model)}}));
    EXPECT_EQ(printed, model);
  }
}

struct PublishedSize {
  const char* name;
  int64_t parameters;  // as the model cards and transformers count them
};

class PublishedModel : public testing::TestWithParam<PublishedSize> {};

TEST_P(PublishedModel, HasThePublishedNumberOfParameters) {
  std::vector<std::string> notes;
  const auto model =
      train::load_model_config(GetParam().name, repository_configs() / "x.yaml", notes);
  EXPECT_EQ(parameter_count(model), GetParam().parameters);
}

INSTANTIATE_TEST_SUITE_P(
    ConfigFiles, PublishedModel,
    testing::Values(
        PublishedSize{"gpt2-124m", 124439808}, PublishedSize{"gpt2-355m", 354823168},
        PublishedSize{"gpt2-774m", 774030080}, PublishedSize{"gpt2-1558m", 1557611200},
        PublishedSize{"llama-2-7b", 6738415616}, PublishedSize{"llama-3-8b", 8030261248},
        PublishedSize{"llama-3.2-1b", 1235814400}, PublishedSize{"llama-3.2-3b", 3212749824},
        PublishedSize{"smollm2-135m", 134515008}, PublishedSize{"smollm2-360m", 361821120},
        PublishedSize{"smollm2-1.7b", 1711376384}, PublishedSize{"mistral-7b", 7241732096},
        PublishedSize{"mistral-7b-v0.3", 7248023552}, PublishedSize{"qwen2-0.5b", 494032768},
        PublishedSize{"qwen2-1.5b", 1543714304}, PublishedSize{"qwen2-7b", 7615616512},
        PublishedSize{"qwen2.5-0.5b", 494032768}, PublishedSize{"qwen2.5-1.5b", 1543714304},
        PublishedSize{"qwen2.5-3b", 3085938688}, PublishedSize{"qwen2.5-7b", 7615616512},
        PublishedSize{"qwen2.5-14b", 14770033664}, PublishedSize{"qwen2.5-32b", 32763876352},
        PublishedSize{"qwen2.5-72b", 72706203648}, PublishedSize{"qwen3-0.6b", 596049920},
        PublishedSize{"qwen3-1.7b", 1720574976}, PublishedSize{"qwen3-4b", 4022468096},
        PublishedSize{"qwen3-8b", 8190735360}),
    [](const auto& test) {
      std::string name = test.param.name;
      for (char& c : name)
        if (c == '-' || c == '.') c = '_';
      return name;
    });

TEST(ConfigFiles, TheExampleMeansWhatItSays) {
  const auto loaded = train::load_pretrain_config(repository_configs() / "pretrain/example.yaml");
  const train::PretrainConfig& c = loaded.config;
  ASSERT_TRUE(c.model.has_value());
  EXPECT_EQ(c.model->model_type, nn::ModelType::kLlama);
  EXPECT_EQ(c.model->head_dim, 32);
  EXPECT_EQ(c.model->max_position_embeddings, 2048);
  EXPECT_EQ(c.tokenizer, "runs/demo/tokenizer.json");
  ASSERT_EQ(c.datasets.size(), 1u);
  EXPECT_EQ(c.datasets[0].path, "runs/demo/tokens");
  ASSERT_TRUE(c.val_split.has_value());
  EXPECT_EQ(c.val_split->size, 0.05);
  EXPECT_EQ(c.sequences_per_step(), 16);
  EXPECT_EQ(c.learning_rate, 1e-3);
  EXPECT_EQ(c.schedule_options(*c.max_steps).warmup_steps, 25);
  EXPECT_EQ(c.compute_type(), DType::kBF16);
  EXPECT_FALSE(c.threads.has_value());
  EXPECT_TRUE(c.deterministic);
  EXPECT_EQ(c.save_total_limit, 2);
}

TEST(ConfigFiles, ExtendsAndBaseConfigGiveTheModel) {
  const auto xl =
      train::load_pretrain_config(repository_configs() / "pretrain/gpt2-1558m.yaml").config;
  EXPECT_EQ(xl.model->hidden_size, 1600);
  EXPECT_EQ(xl.model->max_position_embeddings, 1024);
  EXPECT_EQ(xl.learning_rate, 6e-4);
  EXPECT_EQ(xl.gradient_accumulation_steps, 1024);
  const auto llama =
      train::load_pretrain_config(repository_configs() / "pretrain/llama-3.2-1b.yaml").config;
  EXPECT_EQ(llama.model->rope_parameters.factor, 32);
  EXPECT_EQ(llama.max_tokens, 25'000'000'000);
  EXPECT_FALSE(llama.base_config.has_value());
}

}  // namespace
}  // namespace weft
