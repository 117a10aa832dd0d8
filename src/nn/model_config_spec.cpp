// From the keys of Hugging Face to the layers that Weft builds.
#include "nn/model_config.h"

namespace weft::nn {
namespace {

ops::Activation activation_of(HiddenAct act) {
  switch (act) {
    case HiddenAct::kSilu: return ops::Activation::kSilu;
    case HiddenAct::kGelu: return ops::Activation::kGelu;
    case HiddenAct::kGeluNew:
    case HiddenAct::kGeluPytorchTanh: return ops::Activation::kGeluTanh;
    case HiddenAct::kRelu: return ops::Activation::kRelu;
  }
  return ops::Activation::kSilu;
}

ops::RotaryTable rotary_of(const RopeConfig& rope) {
  using Scaling = ops::RotaryTable::Scaling;
  ops::RotaryTable table{.theta = rope.rope_theta, .factor = rope.factor};
  if (rope.rope_type == RopeType::kLinear) table.scaling = Scaling::kLinear;
  if (rope.rope_type != RopeType::kLlama3) return table;
  table.scaling = Scaling::kLlama3;
  table.low_freq_factor = rope.low_freq_factor;
  table.high_freq_factor = rope.high_freq_factor;
  table.original_positions = rope.original_max_position_embeddings;
  return table;
}

void add_family(const ModelConfig& c, DecoderSpec& spec) {
  const bool is_gpt2 = c.is_gpt2();
  spec.family = is_gpt2 ? Family::kGpt2 : Family::kLlama;
  spec.norm = is_gpt2 ? NormKind::kLayerNorm : NormKind::kRmsNorm;
  spec.norm_eps = is_gpt2 ? c.layer_norm_epsilon : c.rms_norm_eps;
  spec.learned_positions = is_gpt2;
  spec.rotary = !is_gpt2;
  spec.gated = !is_gpt2;
  spec.scaled_residual_init = is_gpt2;
  spec.qkv_bias = is_gpt2 || c.model_type == ModelType::kQwen2 || c.attention_bias;
  spec.attention_out_bias = is_gpt2 || c.attention_bias;
  spec.mlp_bias = is_gpt2 || c.mlp_bias;
  spec.qk_norm = c.model_type == ModelType::kQwen3;
  const bool slides = c.model_type == ModelType::kMistral || c.use_sliding_window;
  spec.window = slides ? c.sliding_window.value_or(0) : 0;
  spec.first_window_layer = c.model_type == ModelType::kMistral ? 0 : c.max_window_layers;
}

}  // namespace

DecoderSpec decoder_spec(const ModelConfig& config) {
  DecoderSpec spec{.vocab_size = config.vocab_size,
                   .hidden_size = config.hidden_size,
                   .layers = config.num_hidden_layers,
                   .heads = config.num_attention_heads,
                   .kv_heads = config.num_key_value_heads,
                   .head_dim = config.head_dim,
                   .intermediate_size = config.intermediate_size,
                   .max_positions = config.max_position_embeddings,
                   .rope = rotary_of(config.rope_parameters),
                   .activation = activation_of(config.hidden_act),
                   .tied_head = config.tie_word_embeddings,
                   .embedding_dropout = config.embd_pdrop,
                   .residual_dropout = config.resid_pdrop,
                   .attention_dropout = config.attention_dropout,
                   .initializer_range = config.initializer_range};
  add_family(config, spec);
  return spec;
}

}  // namespace weft::nn
