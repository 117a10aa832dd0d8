// Shared parts of the attention contracts.
#include "ops/attention_common.h"

#include <string>

#include "weft/philox.h"

namespace weft::ops {

using graph::require;

kernels::AttentionShape self_attention_shape(const Shape& qkv, const AttentionParams& p) {
  return {.B = qkv[0], .T = qkv[1], .S = qkv[1], .H = p.heads, .K = p.kv_heads, .D = p.head_dim};
}

void check_attention(std::string_view op, const graph::TypesCall& call, size_t key_range) {
  const AttentionParams& p = call.params.as<AttentionParams>();
  const TensorType& qkv = call.type(0);
  require(p.heads >= 1 && p.kv_heads >= 1 && p.head_dim >= 1 && p.heads % p.kv_heads == 0, op,
          "heads must be a multiple of kv_heads, got " + std::to_string(p.heads) + " and " +
              std::to_string(p.kv_heads));
  require(p.window >= 0 && (p.window == 0 || p.causal), op,
          "a window needs a causal mask and must not be negative, got " + std::to_string(p.window));
  require(p.dropout >= 0.0 && p.dropout < 1.0, op,
          "dropout must be in [0, 1), got " + std::to_string(p.dropout));
  require(qkv.dtype == DType::kF32 || qkv.dtype == DType::kBF16, op,
          "qkv must be f32 or bf16, got " + qkv.to_string());
  require(qkv.shape.rank() == 3 && qkv.shape.back() == packed_width(p) && qkv.shape.elements() > 0,
          op,
          "qkv must be [B, T, (heads + 2 kv_heads) head_dim = " + std::to_string(packed_width(p)) +
              "], got " + qkv.to_string());
  const TensorType range{DType::kI32, {qkv.shape[0], qkv.shape[1], 2}};
  require(!call.has(key_range) || call.type(key_range) == range, op,
          "key_range must be " + range.to_string());
}

bool AttentionReference::sees(int64_t b, int64_t t, int64_t key) const {
  const int64_t self = t + shape.S - shape.T;
  if (params.causal && key > self) return false;
  if (params.window > 0 && key <= self - params.window) return false;
  if (range == nullptr) return true;
  const auto at = static_cast<size_t>(2 * (b * shape.T + t));
  const double place = static_cast<double>(key);
  return place >= (*range)[at] && place < (*range)[at + 1];
}

double AttentionReference::factor(int64_t b, int64_t head, int64_t t, int64_t key) const {
  if (dropout.p == 0.0f) return 1.0;
  const uint32_t word = kernels::attention_dropout_word(dropout, shape, {b, head, t, key});
  return uniform_from(word) < dropout.p ? 0.0 : 1.0 / (1.0 - static_cast<double>(dropout.p));
}

}  // namespace weft::ops
