#include "nn/model_config_keys.h"

#include <array>

namespace weft::nn {
namespace {

constexpr ModelTypes kGpt2 = bit(ModelType::kGpt2);
constexpr ModelTypes kLlama = bit(ModelType::kLlama);
constexpr ModelTypes kMistral = bit(ModelType::kMistral);
constexpr ModelTypes kQwen3 = bit(ModelType::kQwen3);

constexpr std::array kOwners{
    KeyOwner{"num_key_value_heads", kLlamas},
    KeyOwner{"head_dim", kLlamas},
    KeyOwner{"rms_norm_eps", kLlamas},
    KeyOwner{"rope_parameters", kLlamas},
    KeyOwner{"layer_norm_epsilon", kGpt2},
    KeyOwner{"resid_pdrop", kGpt2, "0.0"},
    KeyOwner{"embd_pdrop", kGpt2, "0.0"},
    KeyOwner{"sliding_window", kMistral | kQwens, "null"},
    KeyOwner{"use_sliding_window", kQwens, "false"},
    KeyOwner{"max_window_layers", kQwens},
    KeyOwner{"layer_types", kQwens},
    KeyOwner{"attention_bias", kLlama | kQwen3, "false"},
    KeyOwner{"mlp_bias", kLlama, "false"},
};

constexpr std::array kGpt2Names{
    Gpt2Name{"hidden_size", "n_embd"},
    Gpt2Name{"num_hidden_layers", "n_layer"},
    Gpt2Name{"num_attention_heads", "n_head"},
    Gpt2Name{"intermediate_size", "n_inner"},
    Gpt2Name{"max_position_embeddings", "n_positions"},
    Gpt2Name{"hidden_act", "activation_function"},
    Gpt2Name{"attention_dropout", "attn_pdrop"},
};

constexpr std::array kDefaults{
    TypeDefault{kGpt2, "hidden_act", "gelu_new"},
    TypeDefault{kGpt2, "max_position_embeddings", "1024"},
    TypeDefault{kGpt2, "tie_word_embeddings", "true"},
    TypeDefault{kGpt2, "resid_pdrop", "0.1"},
    TypeDefault{kGpt2, "embd_pdrop", "0.1"},
    TypeDefault{kGpt2, "attention_dropout", "0.1"},
    TypeDefault{kMistral, "max_position_embeddings", "131072"},
    TypeDefault{kMistral, "sliding_window", "4096"},
    TypeDefault{kQwens, "max_position_embeddings", "32768"},
    TypeDefault{kQwens, "sliding_window", "4096"},
};

constexpr std::array<std::string_view, 34> kNoEffect{
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_name_or_path",
    "architectures",
    "auto_map",
    "chunk_size_feed_forward",
    "finetuning_task",
    "gradient_checkpointing",
    "id2label",
    "is_decoder",
    "is_llama_config",
    "label2id",
    "model_max_length",
    "n_ctx",
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "predict_special_tokens",
    "pretraining_tp",
    "problem_type",
    "reorder_and_upcast_attn",
    "return_dict",
    "summary_activation",
    "summary_first_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    "task_specific_params",
    "tokenizer_class",
    "transformers.js_config",
    "transformers_version",
    "unsloth_version",
    "use_bfloat16",
    "use_cache",
};

constexpr std::array kOneValue{
    OnlyValue{"add_cross_attention", "false"},
    OnlyValue{"attn_logit_softcapping", "null"},
    OnlyValue{"final_logit_softcapping", "null"},
    OnlyValue{"is_encoder_decoder", "false"},
    OnlyValue{"partial_rotary_factor", "1.0"},
    OnlyValue{"quantization", "null"},
    OnlyValue{"quantization_config", "null"},
    OnlyValue{"rope_interleaved", "false"},
    OnlyValue{"scale_attn_by_inverse_layer_idx", "false"},
    OnlyValue{"scale_attn_weights", "true"},
    OnlyValue{"use_mrope", "false"},
};

}  // namespace

std::span<const KeyOwner> key_owners() {
  return kOwners;
}
std::span<const Gpt2Name> gpt2_names() {
  return kGpt2Names;
}
std::span<const TypeDefault> type_defaults() {
  return kDefaults;
}
std::span<const std::string_view> keys_without_effect() {
  return kNoEffect;
}
std::span<const OnlyValue> keys_with_one_value() {
  return kOneValue;
}

std::string names_of(ModelTypes types) {
  std::vector<std::string_view> names;
  for (const ModelType type : values_of(ModelType{}))
    if ((types & bit(type)) != 0) names.push_back(name_of(type));
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

}  // namespace weft::nn
