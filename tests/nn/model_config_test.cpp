// Model configurations: config.json of transformers 4 and 5, defaults by type, contradictions, and
// what is written back.
#include "nn/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/tree/json_tree.h"
#include "nn/model_config_file.h"
#include "weft/error.h"

namespace weft::nn {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

ModelConfig read(const std::string& json, std::vector<std::string>* notes = nullptr) {
  std::vector<std::string> ignored;
  return read_hugging_face_config(parse_json_tree(json, "config.json"),
                                  notes == nullptr ? ignored : *notes);
}

std::string error_of(const std::string& json) {
  try {
    read(json);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// A config.json of `type` with the sizes that all need, and `more` keys.
std::string with(const std::string& type, const std::string& more) {
  return "{\"model_type\": \"" + type +
         "\", \"vocab_size\": 100, \"hidden_size\": 64, \"num_hidden_layers\": 2,\n"
         "\"num_attention_heads\": 4, \"intermediate_size\": 96,\n" +
         more + "}";
}

// A folder of reference values, or of data; empty where it is not there.
std::string folder(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && std::filesystem::is_directory(value) ? value : "";
}

TEST(ModelConfigFile, ReadsEveryGoldenModelAndWritesItBackEqual) {
  const std::string golden = folder("WEFT_GOLDEN");
  // The values are made with transformers and kept apart from the project.
  if (golden.empty()) GTEST_SKIP() << "WEFT_GOLDEN names no folder of reference values";
  for (const char* name :
       {"gpt2", "gpt2-untied", "llama", "llama-tied", "llama3", "mistral", "qwen2", "qwen3"}) {
    std::vector<std::string> notes;
    const ModelConfig config = read_hugging_face_config(Path(golden) / "models" / name, notes);
    EXPECT_THAT(notes, testing::IsEmpty()) << name;
    EXPECT_EQ(config.dtype, "float32") << name;
    const std::string written = hugging_face_config(config);
    EXPECT_EQ(read(written), config) << written;
  }
}

TEST(ModelConfigFile, GoldenValuesArriveInTheSpec) {
  const std::string golden = folder("WEFT_GOLDEN");
  // The values are made with transformers and kept apart from the project.
  if (golden.empty()) GTEST_SKIP() << "WEFT_GOLDEN names no folder of reference values";
  std::vector<std::string> notes;
  const auto spec_of = [&](const char* name) {
    return decoder_spec(read_hugging_face_config(Path(golden) / "models" / name, notes));
  };
  const DecoderSpec gpt2 = spec_of("gpt2");
  EXPECT_EQ(gpt2.family, Family::kGpt2);
  EXPECT_EQ(gpt2.intermediate_size, 160);
  EXPECT_TRUE(gpt2.qkv_bias && gpt2.mlp_bias && gpt2.learned_positions && gpt2.tied_head);
  EXPECT_EQ(gpt2.activation, ops::Activation::kGeluTanh);
  const DecoderSpec llama3 = spec_of("llama3");
  EXPECT_EQ(llama3.rope.scaling, ops::RotaryTable::Scaling::kLlama3);
  EXPECT_EQ(llama3.rope.factor, 8);
  EXPECT_EQ(llama3.rope.original_positions, 64);
  const DecoderSpec mistral = spec_of("mistral");
  EXPECT_EQ(mistral.window_of(0), 8);
  EXPECT_EQ(mistral.head_dim, 8);
  const DecoderSpec qwen2 = spec_of("qwen2");
  EXPECT_TRUE(qwen2.qkv_bias);
  EXPECT_FALSE(qwen2.attention_out_bias);
  EXPECT_EQ(qwen2.window_of(1), 0);
  const DecoderSpec qwen3 = spec_of("qwen3");
  EXPECT_TRUE(qwen3.qk_norm);
  EXPECT_EQ(qwen3.head_dim, 16);
  EXPECT_EQ(qwen3.rope.theta, 1e6);
}

TEST(ModelConfigFile, ReadsTheTinyModels) {
  const std::string data = folder("WEFT_DATA");
  // Public models, which do not belong to the project.
  if (data.empty()) GTEST_SKIP() << "WEFT_DATA names no folder of public data";
  std::vector<std::string> notes;
  for (const char* name : {"tiny_llama3", "tiny_mistral", "tiny_qwen3"}) {
    const ModelConfig config = read_hugging_face_config(Path(data) / "tiny-models" / name, notes);
    EXPECT_EQ(config.head_dim, 16) << name;
    EXPECT_EQ(read(hugging_face_config(config)), config) << name;
  }
  EXPECT_THAT(notes, testing::IsEmpty());
  for (const char* name : {"tiny_llama3_tied", "tiny_qwen3_sharded"})
    EXPECT_THROW(read_hugging_face_config(Path(data) / "tiny-models" / name, notes), Error) << name;
  EXPECT_THROW(read_hugging_face_config(Path(data) / "tiny-models/tiny_bert", notes), Error);
}

TEST(ModelConfigFile, BothFormsOfRopeAreTheSame) {
  const ModelConfig old_form = read(
      with("llama",
           R"("rope_theta": 5e5, "torch_dtype": "bfloat16", "rope_scaling": {"rope_type": "llama3",
      "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
      "original_max_position_embeddings": 512})"));
  const ModelConfig new_form = read(with(
      "llama",
      R"("dtype": "bfloat16", "rope_parameters": {"rope_theta": 500000.0, "rope_type": "llama3",
      "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
      "original_max_position_embeddings": 512})"));
  EXPECT_EQ(old_form, new_form);
  EXPECT_EQ(new_form.rope_parameters.rope_theta, 5e5);
  EXPECT_EQ(read(with("llama", R"("rope_theta": 1e4, "rope_scaling": null)")),
            read(with("llama", R"("rope_parameters": {"rope_type": "default"})")));
  const ModelConfig linear = read(
      with("llama", R"("rope_scaling": {"type": "linear", "rope_type": "linear", "factor": 2})"));
  EXPECT_EQ(linear.rope_parameters.rope_type, RopeType::kLinear);
  EXPECT_EQ(read(hugging_face_config(linear)), linear);
  EXPECT_EQ(read(with("llama", R"("rope_theta": 1e4, "rope_parameters": {"rope_theta": 10000})"))
                .rope_parameters.rope_theta,
            1e4);
}

TEST(ModelConfigFile, DefaultsAreThoseOfTransformers) {
  const ModelConfig llama = read(with("llama", "\"use_cache\": true"));
  EXPECT_EQ(llama.num_key_value_heads, 4);
  EXPECT_EQ(llama.head_dim, 16);
  EXPECT_EQ(llama.max_position_embeddings, 2048);
  EXPECT_EQ(llama.rms_norm_eps, 1e-6);
  EXPECT_EQ(llama.hidden_act, HiddenAct::kSilu);
  EXPECT_FALSE(llama.tie_word_embeddings);
  const ModelConfig gpt2 =
      read(R"({"model_type": "gpt2", "vocab_size": 100, "n_embd": 64, "n_layer": 2,
      "n_head": 4})");
  EXPECT_EQ(gpt2.intermediate_size, 256);
  EXPECT_EQ(gpt2.hidden_act, HiddenAct::kGeluNew);
  EXPECT_EQ(gpt2.attention_dropout, 0.1);
  EXPECT_EQ(gpt2.max_position_embeddings, 1024);
  EXPECT_TRUE(gpt2.tie_word_embeddings);
  EXPECT_EQ(read(with("mistral", "\"head_dim\": 2")).sliding_window, 4096);
  const std::string wide = R"({"model_type": "mistral", "vocab_size": 100, "hidden_size": 64,
      "num_hidden_layers": 2, "num_attention_heads": 16, "intermediate_size": 96})";
  EXPECT_EQ(read(wide).num_key_value_heads, 8);
  EXPECT_EQ(read(with("mistral", "\"sliding_window\": null")).num_key_value_heads, 4);
  EXPECT_FALSE(read(with("mistral", "\"sliding_window\": null")).sliding_window.has_value());
  std::vector<std::string> notes;
  EXPECT_EQ(read(with("qwen3", "\"num_key_value_heads\": null"), &notes).head_dim, 128);
  EXPECT_THAT(notes, testing::ElementsAre(HasSubstr("head_dim is 128, as transformers takes it")));
}

TEST(ModelConfigFile, LayerTypesBecomeTheFirstSlidingLayer) {
  const ModelConfig config = read(with("qwen2", R"("use_sliding_window": true, "sliding_window": 16,
      "layer_types": ["full_attention", "sliding_attention"])"));
  EXPECT_EQ(config.max_window_layers, 1);
  EXPECT_EQ(decoder_spec(config).window_of(0), 0);
  EXPECT_EQ(decoder_spec(config).window_of(1), 16);
  EXPECT_EQ(read(hugging_face_config(config)), config);
  EXPECT_THAT(error_of(with("qwen2", R"("use_sliding_window": true,
      "layer_types": ["sliding_attention", "full_attention"])")),
              HasSubstr("a full_attention layer after a sliding_attention layer is not supported"));
  EXPECT_THAT(error_of(with("qwen2", R"("layer_types": ["full_attention"])")),
              HasSubstr("layer_types (1) has another length than num_hidden_layers (2, "));
  EXPECT_THAT(error_of(with("qwen2", R"("layer_types": ["full_attention", "sliding_attention"])")),
              HasSubstr("use_sliding_window is false"));
}

TEST(ModelConfigFile, EndTokensAreOneOrSeveral) {
  EXPECT_THAT(read(with("llama", "\"eos_token_id\": 2")).eos_token_id, testing::ElementsAre(2));
  EXPECT_THAT(read(with("llama", "\"eos_token_id\": [2, 3]")).eos_token_id,
              testing::ElementsAre(2, 3));
  EXPECT_THAT(read(with("llama", "\"eos_token_id\": null")).eos_token_id, IsEmpty());
  EXPECT_THAT(hugging_face_config(read(with("llama", "\"eos_token_id\": 2"))),
              HasSubstr("\"eos_token_id\": 2,"));
}

TEST(ModelConfigFile, UnknownKeysAreNotedButMisspeltOnesRefused) {
  std::vector<std::string> notes;
  read(with("llama", "\"some_bookkeeping\": {\"a\": 1}, \"architectures\": [\"X\"]"), &notes);
  EXPECT_THAT(notes,
              testing::ElementsAre(HasSubstr("keys that Weft does not know: 'some_bookkeeping'")));
  EXPECT_EQ(error_of(with("llama", "\"rms_norm_epsilon\": 1e-5")),
            "config.json:3:1: unknown key 'rms_norm_epsilon'; did you mean 'rms_norm_eps'?");
}

struct Contradiction {
  const char* name;
  const char* type;
  const char* more;
  const char* message;
};

class Contradictions : public testing::TestWithParam<Contradiction> {};

TEST_P(Contradictions, NameBothKeys) {
  EXPECT_EQ(error_of(with(GetParam().type, GetParam().more)), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    ModelConfig, Contradictions,
    testing::Values(
        Contradiction{"KvHeads", "llama", "\"num_key_value_heads\": 3",
                      "config.json:2:24: num_attention_heads (4) is not a multiple of "
                      "num_key_value_heads (3, config.json:3:24); change one of them"},
        Contradiction{"OddHead", "qwen3", "\"head_dim\": 15",
                      "config.json:3:1: head_dim (15) is odd, and rotary positions "
                      "(rope_parameters) turn channels in pairs; make it even"},
        Contradiction{
            "Gpt2Name", "llama", "\"n_inner\": 3",
            "config.json:3:1: 'n_inner' and 'intermediate_size' (config.json:2:27) are two "
            "names of one key; keep one of them\n"
            "config.json:3:1: 'n_inner' belongs to model_type gpt2, and model_type is "
            "'llama' (config.json:1:2); use 'intermediate_size'"},
        Contradiction{"Gpt2Key", "llama", "\"layer_norm_epsilon\": 1e-5",
                      "config.json:3:1: 'layer_norm_epsilon' belongs to model_type gpt2, and "
                      "model_type is 'llama' (config.json:1:2); remove one of the two"},
        Contradiction{
            "LlamaKey", "gpt2", "\"rope_theta\": 1e4",
            "config.json:3:1: 'rope_theta' belongs to model_type llama, mistral, qwen2 or "
            "qwen3, and model_type is 'gpt2' (config.json:1:2); remove one of the two"},
        Contradiction{"Window", "llama", "\"sliding_window\": 8",
                      "config.json:3:1: 'sliding_window' belongs to model_type mistral, qwen2 or "
                      "qwen3, and model_type is 'llama' (config.json:1:2); remove one of the two"},
        Contradiction{"QwenBias", "qwen2", "\"attention_bias\": false",
                      "config.json:3:1: 'attention_bias' belongs to model_type llama or qwen3, and "
                      "model_type is 'qwen2' (config.json:1:2); remove one of the two"},
        Contradiction{"Ropes", "llama",
                      "\"rope_theta\": 1e4, \"rope_parameters\": {\"rope_theta\": 2e4}",
                      "config.json:3:1: rope_theta differs from the one in rope_parameters "
                      "(config.json:3:40); keep one of them"},
        Contradiction{"RopeFactor", "llama",
                      "\"rope_scaling\": {\"rope_type\": \"default\", \"factor\": 2}",
                      "config.json:3:42: 'factor' has no meaning with rope_type default "
                      "(config.json:3:18); remove one of the two"},
        Contradiction{"RopeIncomplete", "llama", "\"rope_scaling\": {\"rope_type\": \"linear\"}",
                      "config.json:3:17: rope_type linear needs 'factor'"},
        Contradiction{
            "RopeFrequencies", "llama",
            "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 2, \"low_freq_factor\": "
            "4, \"high_freq_factor\": 4, \"original_max_position_embeddings\": 9}",
            "config.json:3:54: low_freq_factor (4.0) is not below high_freq_factor (4.0); "
            "change one of them"},
        Contradiction{"RopeType", "llama",
                      "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 2}",
                      "config.json:3:31: rope_parameters.rope_type: 'yarn' in quotes is not known; "
                      "allowed: default, linear or llama3"},
        Contradiction{"Token", "llama", "\"pad_token_id\": 100",
                      "config.json:3:17: pad_token_id (100) is not below vocab_size (100, "
                      "config.json:1:39); change one of them"},
        Contradiction{
            "Quantized", "llama", "\"quantization_config\": {\"bits\": 4}",
            "config.json:3:24: quantization_config: the weights are quantized; Weft reads "
            "float32, bfloat16 and float16, so convert them first"},
        Contradiction{"Unsupported", "gpt2", "\"scale_attn_by_inverse_layer_idx\": true",
                      "config.json:3:36: scale_attn_by_inverse_layer_idx: 'true' is not supported; "
                      "allowed: false"},
        Contradiction{"UnknownType", "bert", "\"type_vocab_size\": 2",
                      "config.json:1:16: model_type: 'bert' in quotes is not known; allowed: gpt2, "
                      "llama, mistral, qwen2 or qwen3"}),
    [](const auto& test) { return test.param.name; });

TEST(ModelConfigFile, MissingSizesAreNamed) {
  EXPECT_EQ(error_of("{\"model_type\": \"llama\", \"vocab_size\": 8, \"hidden_size\": 8,\n"
                     "\"num_hidden_layers\": 1, \"num_attention_heads\": 2}"),
            "config.json:1:1: intermediate_size: is missing: the width of the feed-forward layer, "
            "needed for all but gpt2");
  EXPECT_EQ(
      error_of("{\"hidden_size\": 8}"),
      "config.json:1:1: model_type: is missing; allowed: gpt2, llama, mistral, qwen2 or qwen3");
  EXPECT_EQ(error_of("[]"),
            "config.json:1:1: a list of 0 is not a map of keys; write {key: value} or one 'key: "
            "value' a line, further to the right");
}

TEST(ModelConfigFile, IsWrittenInTheKeysOfItsType) {
  const std::string gpt2 = hugging_face_config(
      read(R"({"model_type": "gpt2", "vocab_size": 100, "n_embd": 64, "n_layer": 2, "n_head": 4,
      "dtype": "float16"})"));
  EXPECT_THAT(gpt2, HasSubstr("\"architectures\": [\n    \"GPT2LMHeadModel\"\n  ]"));
  for (const char* key :
       {"n_embd", "n_layer", "n_head", "n_positions", "n_inner", "attn_pdrop",
        "activation_function", "layer_norm_epsilon", "torch_dtype", "pad_token_id"})
    EXPECT_THAT(gpt2, HasSubstr("\"" + std::string(key) + "\": ")) << gpt2;
  for (const char* key : {"rope", "hidden_size", "num_key_value_heads", "rms_norm_eps", "head_dim"})
    EXPECT_THAT(gpt2, testing::Not(HasSubstr(key)));
  const std::string llama = hugging_face_config(read(with("llama", "\"rope_theta\": 1e6")));
  EXPECT_THAT(llama, HasSubstr("\"rope_theta\": 1000000.0,\n  \"rope_scaling\": null"));
  EXPECT_THAT(llama, testing::Not(HasSubstr("sliding_window")));
}

TEST(ModelConfig, MadeInCodeIsResolvedAndChecked) {
  const ModelConfig config = resolved({.vocab_size = 10,
                                       .hidden_size = 8,
                                       .num_hidden_layers = 1,
                                       .num_attention_heads = 2,
                                       .intermediate_size = 12});
  EXPECT_EQ(config.head_dim, 4);
  EXPECT_EQ(config.num_key_value_heads, 2);
  ModelConfig bad = config;
  bad.num_key_value_heads = 3;
  try {
    resolved(bad);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "num_attention_heads (2) is not a multiple of num_key_value_heads (3); "
                 "change one of them");
  }
  EXPECT_THROW(resolved({}), Error);
}

}  // namespace
}  // namespace weft::nn
