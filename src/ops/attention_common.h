// What the contracts of attention share: shapes of packed projections, checks, float64 references.
#pragma once

#include <string_view>
#include <vector>

#include "graph/op_contract.h"
#include "kernels/attention/attention.h"
#include "weft/ops/attention.h"

namespace weft::ops {

// Widths of the packed row: queries, then keys, then values.
inline int64_t query_width(const AttentionParams& p) {
  return p.heads * p.head_dim;
}
inline int64_t packed_width(const AttentionParams& p) {
  return (p.heads + 2 * p.kv_heads) * p.head_dim;
}

inline double attention_scale(const AttentionParams& p) {
  return p.scale != 0.0 ? p.scale : 1.0 / std::sqrt(static_cast<double>(p.head_dim));
}

// Of self-attention over qkv [B, T, (H + 2 K) D].
kernels::AttentionShape self_attention_shape(const Shape& qkv, const AttentionParams& params);

// Throws Error unless the parameters make sense and qkv [B, T, (H + 2 K) D] and key_range (if it is
// given) fit them.
void check_attention(std::string_view op, const graph::TypesCall& call, size_t key_range);

// The three kinds of heads in a packed row.
template <class T>
struct PackedHeads {
  kernels::HeadRows<T> q, k, v;
};

template <class T>
PackedHeads<T> packed_heads(T* qkv, int64_t tokens, const AttentionParams& p) {
  const int64_t row = packed_width(p), batch = tokens * row;
  T* keys = qkv + query_width(p);
  return {{qkv, batch, row}, {keys, batch, row}, {keys + p.kv_heads * p.head_dim, batch, row}};
}

// Attention in float64: where operands lie in their tensors, and what a query sees.
struct AttentionReference {
  const AttentionParams& params;
  kernels::AttentionShape shape;
  const std::vector<double>* range = nullptr;  // [B, T, 2]
  kernels::AttentionDropout dropout = {};

  bool sees(int64_t b, int64_t t, int64_t key) const;
  // What dropout multiplies a probability with.
  double factor(int64_t b, int64_t head, int64_t t, int64_t key) const;
};

}  // namespace weft::ops
