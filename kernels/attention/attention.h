// Attention on the CPU, forward and backward, in blocks: scores exist one block at a time
// (Dao et al., "FlashAttention", 2022; Milakov and Gimelshein, "Online normalizer calculation for
// softmax", 2018). All sums in float. Work is split by the shape alone, and every sum has one
// order: the same bits for every number of threads. Blocks are of floats, or of bfloat16 where the
// processor multiplies these faster (attention_path.h).
//
// Letters: B batch, T queries, S keys (T = S in training), H query heads, K key/value heads (H is a
// multiple of K; heads h K / H share), D head width.
#pragma once

#include <cstddef>
#include <cstdint>

#include "weft/dtype.h"
#include "weft/parallel_for.h"
#include "weft/philox.h"

namespace weft::kernels {

struct AttentionShape {
  int64_t B = 1, T = 1, S = 1, H = 1, K = 1, D = 1;
};

// Heads of D elements each: head h of token t of sample b begins at data + b batch + t row + h D.
// Packed projections, separate tensors and caches are all of this form.
template <class T>
struct HeadRows {
  T* data = nullptr;
  int64_t batch = 0, row = 0;
};

// Query t sees key s if begin <= s < end of its range (all keys without one; ranges are clamped to
// [0, S)), if s <= t + S - T where `causal` is set, and if s > t + S - T - window where window is
// not 0.
struct AttentionMask {
  bool causal = false;
  int64_t window = 0;
  const int32_t* range_BT2 = nullptr;
};

// Probabilities are dropped with probability p by Philox numbers that depend on (key, sample, head,
// query, key position) alone.
struct AttentionDropout {
  float p = 0.0f;
  uint64_t key = 0;
  uint64_t first_sample = 0;  // global index of sample 0
};

// The random word that decides about one probability; it is dropped if uniform_from(word) < p.
// Of a block of 64 keys, key 16 w + c takes word w of counter c: lanes then are keys.
struct AttentionPlace {
  int64_t b, head, t, key;
};
inline uint32_t attention_dropout_word(const AttentionDropout& dropout, const AttentionShape& s,
                                       const AttentionPlace& at) {
  const int64_t block = (at.head * s.T + at.t) * ((s.S + 63) / 64) + at.key / 64;
  const PhiloxBlock words = philox(dropout.key, static_cast<uint64_t>(block * 16 + at.key % 16),
                                   dropout.first_sample + static_cast<uint64_t>(at.b));
  return words[static_cast<size_t>(at.key % 64 / 16)];
}

// out = dropout(softmax(scale q k^T)) v; lse = log sum exp of the scaled scores. A query that sees
// no key gives zeros and -infinity.
template <class T>
struct AttentionForward {
  AttentionShape shape;
  AttentionMask mask;
  AttentionDropout dropout;
  float scale = 1.0f;
  HeadRows<const T> q, k, v;
  HeadRows<T> out;
  float* lse_BHT = nullptr;  // may be absent
};

// Gradients of q, k and v; `out` and `lse_BHT` are what the forward pass gave.
template <class T>
struct AttentionBackward {
  AttentionShape shape;
  AttentionMask mask;
  AttentionDropout dropout;
  float scale = 1.0f;
  HeadRows<const T> q, k, v, out, dout;
  const float* lse_BHT = nullptr;
  HeadRows<T> dq, dk, dv;
};

// Workspaces are aligned to 64 bytes and have the bytes stated for `threads` = parallel.threads()
// and operands of `dtype`; without one, enough for either.
size_t attention_forward_workspace(const AttentionShape& shape, int threads, DType dtype);
size_t attention_forward_workspace(const AttentionShape& shape, int threads);
void attention_forward(const AttentionForward<float>& args, void* workspace,
                       const ParallelFor& parallel);
void attention_forward(const AttentionForward<BFloat16>& args, void* workspace,
                       const ParallelFor& parallel);

size_t attention_backward_workspace(const AttentionShape& shape, int threads, DType dtype);
void attention_backward(const AttentionBackward<float>& args, void* workspace,
                        const ParallelFor& parallel);
void attention_backward(const AttentionBackward<BFloat16>& args, void* workspace,
                        const ParallelFor& parallel);

// The forward pass for few queries over long caches, as when text is generated: the keys of a head
// are split among tasks, and what they found is merged in order. No dropout, no log-sum-exp. Takes
// any shape; with more than kFewQueries queries for a key/value head it is attention_forward.
inline constexpr int64_t kFewQueries = 8;  // T H / K

size_t cached_attention_workspace(const AttentionShape& shape, int threads);
void cached_attention(const AttentionForward<float>& args, void* workspace,
                      const ParallelFor& parallel);
void cached_attention(const AttentionForward<BFloat16>& args, void* workspace,
                      const ParallelFor& parallel);

}  // namespace weft::kernels
