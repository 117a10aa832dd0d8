// Attention on a GPU, forward and backward: bfloat16 on tensor cores (attention.cu,
// attention_backward.cu), float on ordinary ones (attention_f32.cu). attention.h says what is
// computed; here too every sum has one order, so that gradients have the same bits in every run.
#pragma once

#include "kernels/attention/attention.h"
#include "kernels/cuda/launch.h"

namespace weft::kernels {

inline constexpr int64_t kMostHeadWidthCuda = 256;

// What dropout's key is made of on the device, so that a captured graph serves every step: with
// rng, the key and the first sample in AttentionDropout do not count.
struct AttentionRandom {
  const int64_t* rng = nullptr;  // 3: seed, step, the global index of sample 0
  uint64_t place = 0;            // in the model
};

template <class T>
struct AttentionForwardOnDevice {
  AttentionForward<T> args;
  AttentionRandom random;
};

// Rows may begin anywhere; copies of bfloat16 are fastest where they, and heads within them, begin
// at multiples of 16 bytes. Throws weft::Error for wider heads.
void attention_forward(cuda::Stream stream, const AttentionForwardOnDevice<BFloat16>& call);
void attention_forward(cuda::Stream stream, const AttentionForwardOnDevice<float>& call);

template <class T>
struct AttentionBackwardOnDevice {
  AttentionBackward<T> args;
  AttentionRandom random;
  void* workspace = nullptr;  // attention_backward_workspace_cuda() bytes, aligned to 64
};

// A float for each query and head, then what each tile of 64 queries sees.
constexpr int64_t attention_delta_bytes(const AttentionShape& s) {
  return (s.B * s.H * s.T * 4 + 63) / 64 * 64;
}
constexpr int64_t attention_backward_workspace_cuda(const AttentionShape& s) {
  return attention_delta_bytes(s) + s.B * ((s.T + 63) / 64) * 8;
}
void attention_backward(cuda::Stream stream, const AttentionBackwardOnDevice<BFloat16>& call);
void attention_backward(cuda::Stream stream, const AttentionBackwardOnDevice<float>& call);

// Few queries over long caches (cached_attention.cu): no dropout, no log-sum-exp.
template <class T>
struct CachedAttentionOnDevice {
  AttentionForward<T> args;
  void* workspace = nullptr;  // cached_attention_workspace_cuda() bytes, aligned to 64
  bool vectors = false;       // the launcher's own: how keys and values may be read
};

inline constexpr int64_t kCachedKeysCuda = 128;  // of a block
constexpr bool has_few_queries_cuda(const AttentionShape& s) {
  return s.T * (s.H / s.K) <= kFewQueries;
}
// For each query and block of keys the largest score, the total and D sums.
constexpr int64_t cached_attention_workspace_cuda(const AttentionShape& s) {
  const int64_t chunks = (s.S + kCachedKeysCuda - 1) / kCachedKeysCuda;
  return has_few_queries_cuda(s) ? s.B * s.H * s.T * chunks * (s.D + 2) * 4 : 0;
}
void cached_attention(cuda::Stream stream, const CachedAttentionOnDevice<BFloat16>& call);
void cached_attention(cuda::Stream stream, const CachedAttentionOnDevice<float>& call);

}  // namespace weft::kernels
