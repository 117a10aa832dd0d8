// What a decoder-only language model is made of, with every choice resolved. Model families (GPT-2,
// Llama, Mistral, Qwen) differ in nothing but these values and the names of their tensors.
#pragma once

#include <cstdint>

#include "weft/ops/activation.h"
#include "weft/ops/linear.h"
#include "weft/ops/rotary.h"

namespace weft::nn {

enum class NormKind : uint8_t { kLayerNorm, kRmsNorm };
enum class Family : uint8_t { kGpt2, kLlama };  // how tensors are named and laid out

struct DecoderSpec {
  Family family = Family::kLlama;
  int64_t vocab_size = 0;   // V
  int64_t hidden_size = 0;  // C
  int64_t layers = 0;
  int64_t heads = 0;              // H
  int64_t kv_heads = 0;           // K
  int64_t head_dim = 0;           // D
  int64_t intermediate_size = 0;  // F
  int64_t max_positions = 0;      // the longest sequence that the model is made for

  NormKind norm = NormKind::kRmsNorm;
  double norm_eps = 1e-6;
  bool learned_positions = false;  // a table of max_positions, added to the embeddings
  bool rotary = true;
  ops::RotaryTable rope = {};  // its sizes are filled in where the table is made

  ops::Activation activation = ops::Activation::kSilu;
  bool gated = true;  // activation(gate) * up
  bool qkv_bias = false;
  bool attention_out_bias = false;
  bool mlp_bias = false;
  bool qk_norm = false;
  bool tied_head = false;
  int64_t window = 0;              // sliding window; 0: none
  int64_t first_window_layer = 0;  // layers before this one see everything

  double embedding_dropout = 0.0;
  double residual_dropout = 0.0;
  double attention_dropout = 0.0;
  double initializer_range = 0.02;
  bool scaled_residual_init = false;  // output projections start smaller by sqrt(2 layers)

  int64_t qkv_width() const { return (heads + 2 * kv_heads) * head_dim; }
  int64_t window_of(int64_t layer) const { return layer >= first_window_layer ? window : 0; }
  ops::WeightLayout layout() const {
    return family == Family::kGpt2 ? ops::WeightLayout::kInOut : ops::WeightLayout::kOutIn;
  }
};

}  // namespace weft::nn
