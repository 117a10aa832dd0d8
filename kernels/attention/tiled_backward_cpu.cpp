// The backward pass of attention in blocks of bfloat16; backward_walk-inl.h has the formulas and
// the order of things. All five products have queries as columns or as depth, so that P and dS,
// made [key][query], are first operands as they are, and dS in pairs of keys is the second of
// dQ^T = K^T dS^T.
#include <utility>

#include "kernels/attention/attention_plan.h"
#include "kernels/attention/tiled_attention.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/tiled_backward_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/attention/backward_walk-inl.h"
#include "kernels/attention/pairs-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

struct TiledBackwardBlock : BackwardBlock {
  static constexpr bool kTiled = true;
  const TileSession tiles;
  BFloat16 *k, *v, *k_t;                  // by key of the task: rows twice; [d][key] by block
  float* dq_t;                            // [d][query]
  BFloat16 *q, *dout;                     // rows
  BFloat16 *q_columns, *dout_columns;     // [d / 2][query] pairs
  BFloat16 *q_rows, *dout_rows;           // [query / 2][d] pairs
  BFloat16 *p_rows, *ds_rows, *ds_pairs;  // [key][query] twice; [key / 2][query] pairs

  TiledBackwardBlock(const TileEngine& engine, const BackwardPlan& given, float* memory)
      : BackwardBlock(given, memory), tiles(engine), dq_t(rest()) {
    auto* next = reinterpret_cast<BFloat16*>(dq_t + kQueryBlock * plan.ld);
    const auto take = [&next](int64_t count) { return std::exchange(next, next + count); };
    for (BFloat16** rows : {&k, &v, &k_t}) *rows = take(plan.part_keys * plan.ld);
    for (BFloat16** rows : {&q, &dout, &q_columns, &dout_columns, &q_rows, &dout_rows}) {
      *rows = take(kQueryBlock * plan.ld);
    }
    for (BFloat16** block : {&p_rows, &ds_rows, &ds_pairs}) *block = take(kKeyBlock * kQueryBlock);
  }

  void load_keys(const AttentionBackward<BFloat16>& a) const {
    const int64_t ld = plan.ld;
    pack_bf16_rows(rows_of(a.k, a.shape.D, keys), k, ld, plan.part_keys);
    pack_bf16_rows(rows_of(a.v, a.shape.D, keys), v, ld, plan.part_keys);
    for (int64_t first = 0; first < keys.count; first += kKeyBlock) {
      pair_columns(k + first * ld, ld, q_columns);
      split_pairs(q_columns, ld, k_t + first * ld);
    }
  }

  void load_queries(const AttentionBackward<BFloat16>& a) const {
    const int64_t ld = plan.ld;
    pack_bf16_rows(rows_of(a.q, a.shape.D, queries), q, ld, kQueryBlock);
    pack_bf16_rows(rows_of(a.dout, a.shape.D, queries), dout, ld, kQueryBlock);
    pair_columns(q, ld, q_columns);
    pair_columns(dout, ld, dout_columns);
    pair_rows(q, ld, q_rows);
    pair_rows(dout, ld, dout_rows);
    std::fill(dq_t, dq_t + kQueryBlock * ld, 0.0f);
  }

  void take_keys(const AttentionBackward<BFloat16>& a, int64_t first_key) {
    const SeenBlock seen(see, first_key, kTileUnit);
    const int64_t at = (first_key - keys.first) * plan.ld;
    if (!seen.complete) {
      // Panels of queries see different keys: what none of them computes must count as 0.
      constexpr size_t kBytes = kKeyBlock * kQueryBlock * sizeof(BFloat16);
      std::memset(static_cast<void*>(p_rows), 0, kBytes);
      std::memset(static_cast<void*>(ds_rows), 0, kBytes);
    }
    if (a.dropout.p > 0.0f) fill_kept(a.dropout, a.shape, queries, seen, kept);
    for_seen_panels(seen, [&](KeyRange rows, KeyRange columns) HWY_ATTR {
      make_scores(at, rows, columns);
      differentiate_scores(a, seen, rows, columns);
      add_to_queries(at, rows, columns);
    });
    add_to_keys(seen, p_rows, dout_rows, dv + at);
    add_to_keys(seen, ds_rows, q_rows, dk + at);
  }

  // Scores and dP of some queries (`rows`) and keys (`columns`) of the blocks.
  void make_scores(int64_t at, const KeyRange& rows, const KeyRange& columns) const {
    const int64_t corner = columns.begin * kQueryBlock + rows.begin;
    PairProduct product{.a = k + at + columns.begin * plan.ld,
                        .a_row = plan.ld,
                        .b = q_columns + 2 * rows.begin,
                        .b_row = 2 * kQueryBlock,
                        .c = p + corner,
                        .c_row = kQueryBlock,
                        .m = columns.end - columns.begin,
                        .n = rows.end - rows.begin,
                        .k = plan.ld,
                        .add = false};
    tiles.multiply(product);
    product.a = v + at + columns.begin * plan.ld;
    product.b = dout_columns + 2 * rows.begin;
    product.c = ds + corner;
    tiles.multiply(product);
  }

  void differentiate_scores(const AttentionBackward<BFloat16>& a, const SeenBlock& seen,
                            const KeyRange& rows, const KeyRange& columns) const {
    for (int64_t query = rows.begin; query < rows.end; query += kLanes) {
      const LaneMasks masks(seen, query, a.dropout, kept);
      BFloat16 *to_p = p_rows + query, *to_ds = ds_rows + query, *to_pairs = ds_pairs + 2 * query;
      differentiate({p + query, a.scale, columns},
                    {ds + query, load(lse + query, Full()), load(delta + query, Full())}, masks,
                    [=](int64_t key, const LaneGradients& g) WEFT_LANES {
                      const int64_t row = key * kQueryBlock;
                      store_rounded(g.p[0], to_p + row);
                      store_rounded(g.p[1], to_p + row + kQueryBlock);
                      store_rounded(g.ds[0], to_ds + row);
                      store_rounded(g.ds[1], to_ds + row + kQueryBlock);
                      store_pairs(g.ds[0], g.ds[1], to_pairs + row);
                    });
    }
  }

  void add_to_queries(int64_t at, const KeyRange& rows, const KeyRange& columns) const {
    tiles.multiply({.a = k_t + at + columns.begin,
                    .a_row = kKeyBlock,
                    .b = ds_pairs + columns.begin * kQueryBlock + 2 * rows.begin,
                    .b_row = 2 * kQueryBlock,
                    .c = dq_t + rows.begin,
                    .c_row = kQueryBlock,
                    .m = plan.ld,
                    .n = rows.end - rows.begin,
                    .k = columns.end - columns.begin,
                    .add = true});
  }

  // sums[key] += weights[key][query] values[query], for panels of keys that some query sees.
  void add_to_keys(const SeenBlock& seen, const BFloat16* weights, const BFloat16* values,
                   float* sums) const {
    for_seen_keys(seen, [&](int64_t key, int64_t count, const KeyRange& rows) {
      tiles.multiply({.a = weights + key * kQueryBlock + rows.begin,
                      .a_row = kQueryBlock,
                      .b = values + rows.begin * plan.ld,
                      .b_row = 2 * plan.ld,
                      .c = sums + key * plan.ld,
                      .c_row = plan.ld,
                      .m = count,
                      .n = plan.ld,
                      .k = rows.end - rows.begin,
                      .add = true});
    });
  }

  void finish_queries() const { transpose({dq_t, kQueryBlock, dq, plan.ld, plan.ld, kQueryBlock}); }
};

void backward_tiled(const AttentionBackward<BFloat16>& a, const TileEngine& engine, float* memory,
                    const ParallelFor& parallel) {
  walk_backward<TiledBackwardBlock>(a, engine, memory, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(backward_tiled);

void tiled_attention_backward(const AttentionBackward<BFloat16>& args, const TileEngine& engine,
                              float* memory, const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(backward_tiled)(args, engine, memory, parallel);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
