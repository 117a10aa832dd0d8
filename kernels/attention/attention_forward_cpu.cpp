// The forward pass of attention in blocks of floats, and the way into the tiled path; attention.h
// has the formulas. Scores and sums are transposed (forward_walk-inl.h), so that keys and values
// are what a product broadcasts, and stay rows.
#include "kernels/attention/attention.h"
#include "kernels/attention/attention_path.h"
#include "kernels/attention/attention_plan.h"
#include "kernels/attention/tiled_attention.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/attention_forward_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/attention/block_product-inl.h"
#include "kernels/attention/forward_walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// Where probabilities of one vector of queries go: over their scores.
struct EmitFloats {
  static constexpr bool kRounds = false;
  float *scores, *sums;  // of the first lane
  int64_t width;         // rows of sums

  HWY_INLINE void operator()(int64_t key, V p0, V p1) const {
    store(p0, scores + key * kQueryBlock, Full());
    store(p1, scores + (key + 1) * kQueryBlock, Full());
  }
  HWY_INLINE void rescale(V factors) const { scale_columns(sums, width, factors); }
};

struct FloatEngine {};

// Packed heads: all blocks of keys, then all blocks of values; rows ld apart.
struct FloatForwardBlock : ForwardBlock {
  static constexpr bool kTiled = false;
  float* q_t;  // [d][query]

  FloatForwardBlock(const FloatEngine&, const ForwardPlan& p, float* memory)
      : ForwardBlock(p, memory), q_t(rest()) {}

  // The keys begin at row `row` of their block. Scores of keys that nobody sees are dropped,
  // whatever they are; their values must not be.
  template <class T>
  void pack_keys(const AttentionForward<T>& a, const HeadSpan& keys, int64_t row, float* k) const {
    const int64_t ld = plan.ld, D = a.shape.D, begin = row * ld, end = begin + keys.count * ld;
    float* v = k + plan.key_blocks * plan.block_floats;
    copy_rows(rows_of(a.k, D, keys), 1.0f, Rows<float>{k + begin, ld, keys.count, D});
    std::fill(v, v + begin, 0.0f);
    copy_rows(rows_of(a.v, D, keys), 1.0f, Rows<float>{v + begin, ld, keys.count, D});
    std::fill(v + end, v + plan.block_floats, 0.0f);
  }

  template <class T>
  void start(const AttentionForward<T>& a) {
    const int64_t ld = plan.ld;
    start_queries(a, *this);
    pack_rows(rows_of(a.q, a.shape.D, span), 1.0f, rows, ld);
    std::fill(rows + span.count * ld, rows + kQueryBlock * ld, 0.0f);
    transpose({rows, ld, q_t, kQueryBlock, kQueryBlock, ld});
  }

  template <class T>
  void take_keys(const AttentionForward<T>& a, const float* packed, int64_t key_block) {
    const SeenBlock seen(see, key_block * kKeyBlock, kPanel);
    const float* k = packed + key_block * plan.block_floats;
    if (a.dropout.p > 0.0f) fill_kept(a.dropout, a.shape, span, seen, kept);
    for_seen_panels(seen, [&](KeyRange queries, KeyRange keys) HWY_ATTR {
      make_scores(k + keys.begin * plan.ld, a.shape.D, queries, keys);
      for (int64_t query = queries.begin; query < queries.end; query += kLanes) {
        const LaneMasks masks(seen, query, a.dropout, kept);
        soften({scores + query, a.scale, keys}, masks, statistics, query,
               EmitFloats{scores + query, out_t + query, a.shape.D});
      }
      const float* v = k + plan.key_blocks * plan.block_floats;
      add_values(v + keys.begin * plan.ld, a.shape.D, queries, keys);
    });
  }

  void make_scores(const float* k, int64_t D, const KeyRange& queries, const KeyRange& keys) const {
    multiply_block({.a = k,
                    .a_row = plan.ld,
                    .a_column = 1,
                    .b = q_t + queries.begin,
                    .ldb = kQueryBlock,
                    .c = scores + keys.begin * kQueryBlock + queries.begin,
                    .ldc = kQueryBlock,
                    .m = keys.end - keys.begin,
                    .n = queries.end - queries.begin,
                    .k = D,
                    .add = false});
  }
  void add_values(const float* v, int64_t D, const KeyRange& queries, const KeyRange& keys) const {
    multiply_block({.a = v,
                    .a_row = 1,
                    .a_column = plan.ld,
                    .b = scores + keys.begin * kQueryBlock + queries.begin,
                    .ldb = kQueryBlock,
                    .c = out_t + queries.begin,
                    .ldc = kQueryBlock,
                    .m = D,
                    .n = queries.end - queries.begin,
                    .k = keys.end - keys.begin,
                    .add = true});
  }
};

void forward_f32(const AttentionForward<float>& a, float* memory, const ParallelFor& parallel) {
  walk_forward<FloatForwardBlock>(a, FloatEngine(), memory, parallel);
}
void forward_bf16(const AttentionForward<BFloat16>& a, float* memory, const ParallelFor& parallel) {
  walk_forward<FloatForwardBlock>(a, FloatEngine(), memory, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(forward_f32);
HWY_EXPORT(forward_bf16);

size_t attention_forward_workspace(const AttentionShape& shape, int threads, DType dtype) {
  const bool tiled = attention_path(dtype) != AttentionPath::kFloats;
  return static_cast<size_t>(ForwardPlan(shape, tiled).floats(threads)) * sizeof(float);
}

size_t attention_forward_workspace(const AttentionShape& shape, int threads) {
  return std::max(attention_forward_workspace(shape, threads, DType::kF32),
                  attention_forward_workspace(shape, threads, DType::kBF16));
}

void attention_forward(const AttentionForward<float>& args, void* workspace,
                       const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(forward_f32)(args, static_cast<float*>(workspace), parallel);
}
void attention_forward(const AttentionForward<BFloat16>& args, void* workspace,
                       const ParallelFor& parallel) {
  float* memory = static_cast<float*>(workspace);
  const TileEngine* engine = tile_engine(attention_path(DType::kBF16));
  if (engine != nullptr) return tiled_attention_forward(args, *engine, memory, parallel);
  HWY_DYNAMIC_DISPATCH(forward_bf16)(args, memory, parallel);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
