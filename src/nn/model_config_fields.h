// The keys of ModelConfig: names, limits and meanings.
// nn/model_config.h includes it at its end, and nothing else does.
#pragma once

namespace weft::nn {

inline constexpr double kMaxModelSize = 1 << 20;
inline constexpr double kMaxModelCount = 1 << 30;

template <class Visitor>
void ModelConfig::visit(Visitor&& v) {
  visit_sizes(v);
  visit_layers(v);
  visit_training(v);
}

template <class Visitor>
void ModelConfig::visit_sizes(Visitor& v) {
  v("model_type", model_type, {.help = "family of the model", .required = true});
  v("vocab_size", vocab_size,
    {.help = "rows of the embedding",
     .min = 1,
     .max = 1 << 24,
     .required = true,
     .unit = "tokens"});
  v("hidden_size", hidden_size,
    {.help = "width of the model",
     .min = 1,
     .max = kMaxModelSize,
     .required = true,
     .synonyms = "n_embd"});
  v("num_hidden_layers", num_hidden_layers,
    {.help = "number of layers", .min = 1, .max = 4096, .required = true, .synonyms = "n_layer"});
  v("num_attention_heads", num_attention_heads,
    {.help = "query heads", .min = 1, .max = 4096, .required = true, .synonyms = "n_head"});
  v("num_key_value_heads", num_key_value_heads,
    {.help = "key and value heads; must divide num_attention_heads. Absent: 8 (mistral) or 32 "
             "(qwen2, qwen3) where that divides it, else num_attention_heads; not for gpt2",
     .min = 1,
     .max = 4096});
  v("head_dim", head_dim,
    {.help = "width of a head, even. Absent: 128 for qwen3, else hidden_size / "
             "num_attention_heads; not for gpt2",
     .min = 1,
     .max = kMaxModelSize});
  v("intermediate_size", intermediate_size,
    {.help = "width of the feed-forward layer. Absent: 4 * hidden_size for gpt2; needed for others",
     .min = 1,
     .max = 1 << 22,
     .synonyms = "n_inner"});
  v("max_position_embeddings", max_position_embeddings,
    {.help = "longest sequence. Absent: 1024 (gpt2), 2048 (llama), 131072 (mistral), 32768 (qwen)",
     .min = 1,
     .max = kMaxModelCount,
     .unit = "tokens",
     .synonyms = "n_positions"});
}

template <class Visitor>
void ModelConfig::visit_layers(Visitor& v) {
  v("hidden_act", hidden_act,
    {.help = "activation of the feed-forward layer. Absent: gelu_new for gpt2, else silu",
     .synonyms = "activation_function"});
  v("rms_norm_eps", rms_norm_eps,
    {.help = "added to the mean square in RMSNorm; not for gpt2", .min = 0, .max = 1});
  v("layer_norm_epsilon", layer_norm_epsilon,
    {.help = "added to the variance in LayerNorm; gpt2 only", .min = 0, .max = 1});
  v("rope_parameters", rope_parameters,
    {.help = "rotary positions; rope_theta may also stand beside it; not for gpt2",
     .synonyms = "rope_scaling"});
  v("sliding_window", sliding_window,
    {.help = "keys that a query sees, its own included. Absent: 4096 for mistral; mistral and qwen",
     .min = 1,
     .max = kMaxModelCount,
     .unit = "tokens",
     .unset_word = "null"});
  v("use_sliding_window", use_sliding_window, {.help = "whether sliding_window counts; qwen only"});
  v("max_window_layers", max_window_layers,
    {.help = "the first layers, which see everything even with a sliding window; qwen only",
     .min = 0,
     .max = kMaxModelCount});
  v("layer_types", layer_types,
    {.help = "full_attention or sliding_attention for each layer. Empty: by max_window_layers; "
             "qwen only"});
  v("attention_bias", attention_bias,
    {.help = "biases on the four attention projections; llama and qwen3 only"});
  v("mlp_bias", mlp_bias, {.help = "biases in the feed-forward layer; llama only"});
  v("tie_word_embeddings", tie_word_embeddings,
    {.help = "the output layer shares the embedding's weights. Absent: true for gpt2"});
}

template <class Visitor>
void ModelConfig::visit_training(Visitor& v) {
  v("initializer_range", initializer_range,
    {.help = "standard deviation of the initial weights", .min = 0, .max = 10});
  v("resid_pdrop", resid_pdrop,
    {.help = "dropout before each residual sum. Absent: 0.1; gpt2 only",
     .min = 0,
     .max = 1,
     .below_max = true,
     .may_change = true});
  v("embd_pdrop", embd_pdrop,
    {.help = "dropout of the embeddings. Absent: 0.1; gpt2 only",
     .min = 0,
     .max = 1,
     .below_max = true,
     .may_change = true});
  v("attention_dropout", attention_dropout,
    {.help = "dropout of the attention weights. Absent: 0.1 for gpt2",
     .min = 0,
     .max = 1,
     .below_max = true,
     .may_change = true,
     .synonyms = "attn_pdrop"});
  v("bos_token_id", bos_token_id,
    {.help = "token that begins a text", .min = 0, .max = kMaxModelCount, .may_change = true});
  v("eos_token_id", eos_token_id,
    {.help = "token or tokens that end a text",
     .min = 0,
     .max = kMaxModelCount,
     .may_change = true,
     .one_or_more = true});
  v("pad_token_id", pad_token_id,
    {.help = "token that fills", .min = 0, .max = kMaxModelCount, .may_change = true});
  v("dtype", dtype,
    {.help = "element type of the weights on disk",
     .may_change = true,
     .choices = "float32 bfloat16 float16",
     .synonyms = "torch_dtype"});
}

}  // namespace weft::nn
