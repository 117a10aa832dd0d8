// Small decoders of both families, for passes and plans.
#pragma once

#include "nn/decoder.h"

namespace weft::test {

inline nn::DecoderSpec small_llama(int64_t layers = 3) {
  return {.vocab_size = 67,
          .hidden_size = 32,
          .layers = layers,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 8,
          .intermediate_size = 48,
          .max_positions = 64,
          .qk_norm = true};
}

inline nn::DecoderSpec gpt2_of(int64_t layers, int64_t width, int64_t heads, int64_t vocabulary) {
  return {.family = nn::Family::kGpt2,
          .vocab_size = vocabulary,
          .hidden_size = width,
          .layers = layers,
          .heads = heads,
          .kv_heads = heads,
          .head_dim = width / heads,
          .intermediate_size = 4 * width,
          .max_positions = 1024,
          .norm = nn::NormKind::kLayerNorm,
          .learned_positions = true,
          .rotary = false,
          .activation = ops::Activation::kGeluTanh,
          .gated = false,
          .qkv_bias = true,
          .attention_out_bias = true,
          .mlp_bias = true,
          .tied_head = true,
          .embedding_dropout = 0.1,
          .residual_dropout = 0.1,
          .attention_dropout = 0.1};
}

inline nn::DecoderSpec small_gpt2() {
  return gpt2_of(3, 32, 4, 67);
}

}  // namespace weft::test
