// The backward pass of attention in blocks of floats, and the way into the tiled path;
// backward_walk-inl.h has the formulas and the order of things.
#include <utility>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_path.h"
#include "kernels/attention/attention_plan.h"
#include "kernels/attention/tiled_attention.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/attention_backward_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/attention/backward_walk-inl.h"
#include "kernels/attention/block_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

struct FloatEngine {};

// Scores become P D in place, dP becomes dS.
struct FloatBackwardBlock : BackwardBlock {
  static constexpr bool kTiled = false;
  float *k, *v;                    // by key of the task: rows
  float *q, *dout, *q_t, *dout_t;  // by query of the block: rows, and [d][query]

  FloatBackwardBlock(const FloatEngine&, const BackwardPlan& given, float* memory)
      : BackwardBlock(given, memory) {
    float* next = rest();
    const auto take = [&next](int64_t floats) { return std::exchange(next, next + floats); };
    for (float** rows : {&k, &v}) *rows = take(plan.part_keys * plan.ld);
    for (float** rows : {&q, &dout, &q_t, &dout_t}) *rows = take(kQueryBlock * plan.ld);
  }

  template <class T>
  void load_keys(const AttentionBackward<T>& a) const {
    const int64_t used = keys.count * plan.ld, size = plan.part_keys * plan.ld;
    pack_rows(rows_of(a.k, a.shape.D, keys), 1.0f, k, plan.ld);
    pack_rows(rows_of(a.v, a.shape.D, keys), 1.0f, v, plan.ld);
    std::fill(k + used, k + size, 0.0f);
    std::fill(v + used, v + size, 0.0f);
  }

  template <class T>
  void load_queries(const AttentionBackward<T>& a) const {
    const int64_t ld = plan.ld, used = queries.count * ld, size = kQueryBlock * ld;
    pack_rows(rows_of(a.q, a.shape.D, queries), 1.0f, q, ld);
    pack_rows(rows_of(a.dout, a.shape.D, queries), 1.0f, dout, ld);
    std::fill(q + used, q + size, 0.0f);
    std::fill(dout + used, dout + size, 0.0f);
    std::fill(dq, dq + size, 0.0f);
    transpose({q, ld, q_t, kQueryBlock, kQueryBlock, ld});
    transpose({dout, ld, dout_t, kQueryBlock, kQueryBlock, ld});
  }

  template <class T>
  void take_keys(const AttentionBackward<T>& a, int64_t first_key) {
    const SeenBlock seen(see, first_key, kPanel);
    const int64_t at = (first_key - keys.first) * plan.ld;
    if (!seen.complete) {
      // Panels of queries see different keys: what none of them computes must count as 0.
      std::fill(p, p + kKeyBlock * kQueryBlock, 0.0f);
      std::fill(ds, ds + kKeyBlock * kQueryBlock, 0.0f);
    }
    if (a.dropout.p > 0.0f) fill_kept(a.dropout, a.shape, queries, seen, kept);
    for_seen_panels(seen, [&](KeyRange rows, KeyRange columns) HWY_ATTR {
      make_scores(at, a.shape.D, rows, columns);
      differentiate_scores(a, seen, rows, columns);
      add_to_queries(at, rows, columns);
    });
    add_to_keys(seen, p, dout, dv + at);
    add_to_keys(seen, ds, q, dk + at);
  }

  // Scores and dP of some queries (`rows`) and keys (`columns`) of the blocks.
  void make_scores(int64_t at, int64_t D, const KeyRange& rows, const KeyRange& columns) const {
    const int64_t corner = columns.begin * kQueryBlock + rows.begin;
    BlockProduct product{.a = k + at + columns.begin * plan.ld,
                         .a_row = plan.ld,
                         .a_column = 1,
                         .b = q_t + rows.begin,
                         .ldb = kQueryBlock,
                         .c = p + corner,
                         .ldc = kQueryBlock,
                         .m = columns.end - columns.begin,
                         .n = rows.end - rows.begin,
                         .k = D,
                         .add = false};
    multiply_block(product);
    product.a = v + at + columns.begin * plan.ld;
    product.b = dout_t + rows.begin;
    product.c = ds + corner;
    multiply_block(product);
  }

  template <class T>
  void differentiate_scores(const AttentionBackward<T>& a, const SeenBlock& seen,
                            const KeyRange& rows, const KeyRange& columns) const {
    for (int64_t query = rows.begin; query < rows.end; query += kLanes) {
      const LaneMasks masks(seen, query, a.dropout, kept);
      float *scores = p + query, *slopes = ds + query;
      differentiate({scores, a.scale, columns},
                    {slopes, load(lse + query, Full()), load(delta + query, Full())}, masks,
                    [scores, slopes](int64_t key, const LaneGradients& g) WEFT_LANES {
                      HWY_UNROLL(2)
                      for (int64_t i = 0; i < 2; ++i) {
                        store(g.p[i], scores + (key + i) * kQueryBlock, Full());
                        store(g.ds[i], slopes + (key + i) * kQueryBlock, Full());
                      }
                    });
    }
  }

  void add_to_queries(int64_t at, const KeyRange& rows, const KeyRange& columns) const {
    multiply_block({.a = ds + columns.begin * kQueryBlock + rows.begin,
                    .a_row = 1,
                    .a_column = kQueryBlock,
                    .b = k + at + columns.begin * plan.ld,
                    .ldb = plan.ld,
                    .c = dq + rows.begin * plan.ld,
                    .ldc = plan.ld,
                    .m = rows.end - rows.begin,
                    .n = plan.ld,
                    .k = columns.end - columns.begin,
                    .add = true});
  }

  // sums[key] += weights[key][query] values[query], for panels of keys that some query sees.
  void add_to_keys(const SeenBlock& seen, const float* weights, const float* values,
                   float* sums) const {
    for_seen_keys(seen, [&](int64_t key, int64_t count, const KeyRange& rows) {
      multiply_block({.a = weights + key * kQueryBlock + rows.begin,
                      .a_row = kQueryBlock,
                      .a_column = 1,
                      .b = values + rows.begin * plan.ld,
                      .ldb = plan.ld,
                      .c = sums + key * plan.ld,
                      .ldc = plan.ld,
                      .m = count,
                      .n = plan.ld,
                      .k = rows.end - rows.begin,
                      .add = true});
    });
  }

  void finish_queries() const {}  // dq is rows as it is
};

void backward_f32(const AttentionBackward<float>& a, float* memory, const ParallelFor& parallel) {
  walk_backward<FloatBackwardBlock>(a, FloatEngine(), memory, parallel);
}
void backward_bf16(const AttentionBackward<BFloat16>& a, float* memory,
                   const ParallelFor& parallel) {
  walk_backward<FloatBackwardBlock>(a, FloatEngine(), memory, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(backward_f32);
HWY_EXPORT(backward_bf16);

size_t attention_backward_workspace(const AttentionShape& shape, int threads, DType dtype) {
  const bool tiled = attention_path(dtype) != AttentionPath::kFloats;
  return static_cast<size_t>(BackwardPlan(shape, tiled).floats(threads)) * sizeof(float);
}

void attention_backward(const AttentionBackward<float>& args, void* workspace,
                        const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(backward_f32)(args, static_cast<float*>(workspace), parallel);
}
void attention_backward(const AttentionBackward<BFloat16>& args, void* workspace,
                        const ParallelFor& parallel) {
  float* memory = static_cast<float*>(workspace);
  const TileEngine* engine = tile_engine(attention_path(DType::kBF16));
  if (engine != nullptr) return tiled_attention_backward(args, *engine, memory, parallel);
  HWY_DYNAMIC_DISPATCH(backward_bf16)(args, memory, parallel);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
