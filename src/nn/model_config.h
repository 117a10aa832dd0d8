// What a causal language model is made of: the keys of Hugging Face's config.json for GPT-2 and the
// Llama family, read from YAML and JSON alike (src/nn/model_config_file.h), with every derived
// value filled in. It builds nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tree/report.h"
#include "core/tree/tree.h"
#include "nn/decoder_spec.h"
#include "weft/visit.h"

namespace weft::nn {

enum class ModelType { kGpt2, kLlama, kMistral, kQwen2, kQwen3 };

constexpr std::string_view name_of(ModelType type) {
  constexpr std::array<std::string_view, 5> kNames{"gpt2", "llama", "mistral", "qwen2", "qwen3"};
  return kNames.at(static_cast<size_t>(type));
}
constexpr auto values_of(ModelType) {
  return std::array{ModelType::kGpt2, ModelType::kLlama, ModelType::kMistral, ModelType::kQwen2,
                    ModelType::kQwen3};
}

// The words of transformers: "gelu" is the exact one, "gelu_new" and "gelu_pytorch_tanh" the one by
// tanh (they are the same function).
enum class HiddenAct { kSilu, kGelu, kGeluNew, kGeluPytorchTanh, kRelu };

constexpr std::string_view name_of(HiddenAct act) {
  constexpr std::array<std::string_view, 5> kNames{"silu", "gelu", "gelu_new", "gelu_pytorch_tanh",
                                                   "relu"};
  return kNames.at(static_cast<size_t>(act));
}
constexpr auto values_of(HiddenAct) {
  return std::array{HiddenAct::kSilu, HiddenAct::kGelu, HiddenAct::kGeluNew,
                    HiddenAct::kGeluPytorchTanh, HiddenAct::kRelu};
}

enum class RopeType { kDefault, kLinear, kLlama3 };

constexpr std::string_view name_of(RopeType type) {
  constexpr std::array<std::string_view, 3> kNames{"default", "linear", "llama3"};
  return kNames.at(static_cast<size_t>(type));
}
constexpr auto values_of(RopeType) {
  return std::array{RopeType::kDefault, RopeType::kLinear, RopeType::kLlama3};
}

enum class LayerType { kFull, kSliding };

constexpr std::string_view name_of(LayerType type) {
  return type == LayerType::kFull ? "full_attention" : "sliding_attention";
}
constexpr auto values_of(LayerType) {
  return std::array{LayerType::kFull, LayerType::kSliding};
}

// Rotary positions (Su et al., 2021), and how they are stretched beyond the trained length.
struct RopeConfig {
  RopeType rope_type = RopeType::kDefault;
  double rope_theta = 10000;
  double factor = 1;                             // linear, llama3
  double low_freq_factor = 1;                    // llama3
  double high_freq_factor = 4;                   // llama3
  int64_t original_max_position_embeddings = 0;  // llama3

  template <class Visitor>
  void visit(Visitor&& v) {
    v("rope_type", rope_type,
      {.help = "how positions beyond the trained length are scaled", .synonyms = "type"});
    v("rope_theta", rope_theta, {.help = "base of the wavelengths", .min = 0, .above_min = true});
    v("factor", factor, {.help = "stretch (linear, llama3)", .min = 1});
    v("low_freq_factor", low_freq_factor,
      {.help = "waves longer than the trained length over this are stretched in full (llama3)",
       .min = 0,
       .above_min = true});
    v("high_freq_factor", high_freq_factor,
      {.help = "waves shorter than the trained length over this are left alone (llama3)",
       .min = 0,
       .above_min = true});
    v("original_max_position_embeddings", original_max_position_embeddings,
      {.help = "the trained length (llama3)", .min = 1, .max = 1 << 30, .unit = "tokens"});
  }
  static void accept(Tree& layer, Report& report);
  static bool complete(Tree& map, Report& report);
  void finish(const Tree& map, Report& report);
  std::string_view written_name(std::string_view field) const;

  bool operator==(const RopeConfig&) const = default;
};

// Sizes of 0 are derived: resolved() and every reader fill them in. Defaults are those of
// transformers' configuration classes, which for some keys depend on model_type.
struct ModelConfig {
  ModelType model_type = ModelType::kLlama;
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;  // 0: num_attention_heads
  int64_t head_dim = 0;             // 0: hidden_size / num_attention_heads
  int64_t intermediate_size = 0;    // 0: 4 * hidden_size (GPT-2 only)
  int64_t max_position_embeddings = 2048;
  HiddenAct hidden_act = HiddenAct::kSilu;
  double rms_norm_eps = 1e-6;        // the Llama family
  double layer_norm_epsilon = 1e-5;  // GPT-2
  RopeConfig rope_parameters;        // the Llama family
  std::optional<int64_t>
      sliding_window;               // Mistral, Qwen: each query sees this many keys, its own too
  bool use_sliding_window = false;  // Qwen
  int64_t max_window_layers = 28;   // Qwen: the first layers, which see everything
  std::vector<LayerType>
      layer_types;              // Qwen, as it was given; finish() turns it into max_window_layers
  bool attention_bias = false;  // Llama, Qwen3: on q, k, v and output projections
  bool mlp_bias = false;        // Llama
  bool tie_word_embeddings = false;
  double initializer_range = 0.02;
  double resid_pdrop = 0, embd_pdrop = 0;  // GPT-2
  double attention_dropout = 0;
  std::optional<int64_t> bos_token_id, pad_token_id;
  std::vector<int64_t> eos_token_id;
  std::optional<std::string> dtype;  // of the weights on disk: float32, bfloat16, float16

  template <class Visitor>
  void visit(Visitor&& v);  // model_config_fields.h

  // See core/tree/fields.h.
  static void accept(Tree& layer, Report& report);
  static bool complete(Tree& map, Report& report);
  void finish(const Tree& map, Report& report);
  std::string_view written_name(std::string_view field) const;

  bool is_gpt2() const { return model_type == ModelType::kGpt2; }

  bool operator==(const ModelConfig&) const = default;

 private:
  template <class Visitor>
  void visit_sizes(Visitor& v);
  template <class Visitor>
  void visit_layers(Visitor& v);
  template <class Visitor>
  void visit_training(Visitor& v);
};

// The layers to build. `config` is resolved.
DecoderSpec decoder_spec(const ModelConfig& config);

// Derived sizes filled in and everything checked; throws Error naming the keys that do not fit.
ModelConfig resolved(ModelConfig config);

}  // namespace weft::nn

#include "nn/model_config_fields.h"
