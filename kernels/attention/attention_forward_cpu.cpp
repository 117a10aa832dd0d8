// The forward pass of attention in float; attention.h has the formulas. A round packs the keys and
// values of a few key/value heads into blocks, then takes all their blocks of queries: enough tasks
// for many threads, little memory. Scores are made transposed, K Q^T, and so is the result,
// V^T P^T: see scores-inl.h. Keys and values are then what a product broadcasts, and stay rows.
#include <limits>
#include <utility>

#include "kernels/attention/attention.h"
#include "kernels/attention/visible_keys.h"
#include "kernels/simd/launch.h"
#include "kernels/simd/targets.h"
#include "weft/portable_math.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/attention_forward_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/attention/block_product-inl.h"
#include "kernels/attention/scores-inl.h"
#include "kernels/attention/transpose-inl.h"

#ifndef WEFT_KERNELS_ATTENTION_FORWARD_ONCE_
#define WEFT_KERNELS_ATTENTION_FORWARD_ONCE_
namespace weft::kernels {

// How the work is cut and where its parts lie, in floats: packed heads first, then workers.
struct ForwardPlan {
  int64_t pairs, pairs_per_round, query_blocks, key_blocks;
  int64_t ld;             // D rounded up to whole panels
  int64_t block_floats;   // of a block of keys or of values
  int64_t head_floats;    // of a packed head
  int64_t worker_floats;  // query rows, transposed queries, transposed sums, scores

  explicit ForwardPlan(const AttentionShape& s)
      : pairs(s.B * s.K),
        query_blocks(blocks_of(s.T, kQueryBlock)),
        key_blocks(blocks_of(s.S, kKeyBlock)),
        ld(round_up(s.D, kPanel)),
        block_floats(kKeyBlock * ld),
        head_floats(2 * key_blocks * block_floats),
        worker_floats(kQueryBlock * (3 * ld + kKeyBlock)) {
    constexpr int64_t kTasksPerRound = 128;
    const int64_t tasks_per_pair = s.H / s.K * query_blocks;
    pairs_per_round = std::clamp<int64_t>(kTasksPerRound / tasks_per_pair, 1, pairs);
  }
  int64_t floats(int threads) const {
    return pairs_per_round * head_floats + threads * worker_floats;
  }
};

}  // namespace weft::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// A block of queries: one worker's scratch memory, and what is known of it so far.
struct QueryBlock {
  float *rows, *q_t, *out_t, *scores;  // [query][ld], [d][query] twice, [key][query]
  HeadSpan span = {};
  QueriesSee see;
  Statistics statistics;
  KeptBits kept;

  QueryBlock(float* memory, const ForwardPlan& plan)
      : rows(memory),
        q_t(rows + kQueryBlock * plan.ld),
        out_t(q_t + kQueryBlock * plan.ld),
        scores(out_t + kQueryBlock * plan.ld) {}
};

// What one product takes: queries of a block against keys of a block, rows ld apart.
struct PanelOfKeys {
  KeyRange queries, keys;
  const float *k, *v;
};

template <class T>
void start_block(const AttentionForward<T>& a, const ForwardPlan& plan, QueryBlock& block) {
  const HeadSpan& span = block.span;
  block.see.set(a.shape, a.mask, span, {0, a.shape.S});
  block.statistics.clear();
  pack_rows(rows_of(a.q, a.shape.D, span), 1.0f, block.rows, plan.ld);
  std::fill(block.rows + span.count * plan.ld, block.rows + kQueryBlock * plan.ld, 0.0f);
  transpose({block.rows, plan.ld, block.q_t, kQueryBlock, kQueryBlock, plan.ld});
  std::fill(block.out_t, block.out_t + kQueryBlock * plan.ld, 0.0f);
}

// Where probabilities of one vector of queries go: over their scores.
struct EmitFloats {
  float *scores, *sums;  // of the first lane
  int64_t width;         // rows of sums

  HWY_INLINE void operator()(int64_t key, V p0, V p1) const {
    store(p0, scores + key * kQueryBlock, Full());
    store(p1, scores + (key + 1) * kQueryBlock, Full());
  }
  HWY_INLINE void rescale(V factors) const { scale_columns(sums, width, factors); }
};

// Some queries of the block against some keys of a block.
template <class T>
void take_panel(const AttentionForward<T>& a, const ForwardPlan& plan, const SeenBlock& seen,
                QueryBlock& block, const PanelOfKeys& panel) {
  const int64_t D = a.shape.D, first = panel.queries.begin;
  const int64_t keys = panel.keys.end - panel.keys.begin;
  const int64_t queries = panel.queries.end - panel.queries.begin;
  float* scores = block.scores + panel.keys.begin * kQueryBlock + first;
  multiply_block({.a = panel.k + panel.keys.begin * plan.ld,
                  .a_row = plan.ld,
                  .a_column = 1,
                  .b = block.q_t + first,
                  .ldb = kQueryBlock,
                  .c = scores,
                  .ldc = kQueryBlock,
                  .m = keys,
                  .n = queries,
                  .k = D,
                  .add = false});
  for (int64_t query = first; query < panel.queries.end; query += kLanes) {
    const LaneMasks masks(seen, query, a.dropout, block.kept);
    soften({block.scores + query, a.scale, panel.keys}, masks, block.statistics, query,
           EmitFloats{block.scores + query, block.out_t + query, D});
  }
  multiply_block({.a = panel.v + panel.keys.begin * plan.ld,
                  .a_row = 1,
                  .a_column = plan.ld,
                  .b = scores,
                  .ldb = kQueryBlock,
                  .c = block.out_t + first,
                  .ldc = kQueryBlock,
                  .m = D,
                  .n = queries,
                  .k = keys,
                  .add = true});
}

// The block of queries against one block of keys and values.
template <class T>
void take_keys(const AttentionForward<T>& a, const ForwardPlan& plan, const float* packed,
               QueryBlock& block, int64_t key_block) {
  const SeenBlock seen(block.see, key_block * kKeyBlock, kPanel);
  const float* k = packed + key_block * plan.block_floats;
  const float* v = k + plan.key_blocks * plan.block_floats;
  if (a.dropout.p > 0.0f) fill_kept(a.dropout, a.shape, block.span, seen, block.kept);
  for_seen_panels(seen, [&](KeyRange queries, KeyRange keys) HWY_ATTR {
    take_panel(a, plan, seen, block, {queries, keys, k, v});
  });
}

template <class T>
void finish_block(const AttentionForward<T>& a, const ForwardPlan& plan, QueryBlock& block) {
  const HeadSpan& span = block.span;
  transpose({block.out_t, kQueryBlock, block.rows, plan.ld, plan.ld, kQueryBlock});
  const Rows<T> out = rows_of(a.out, a.shape.D, span);
  for (int64_t r = 0; r < span.count; ++r) {
    const bool sees_nothing = block.see.begin[r] == block.see.end[r];
    const float total = block.statistics.total[r];
    copy_rows(Rows<const float>{block.rows + r * plan.ld, plan.ld, 1, a.shape.D},
              sees_nothing ? 0.0f : 1.0f / total,
              Rows<T>{out.data + r * out.stride, out.stride, 1, out.D});
    if (a.lse_BHT == nullptr) continue;
    a.lse_BHT[(span.b * a.shape.H + span.head) * a.shape.T + span.first + r] =
        sees_nothing ? -std::numeric_limits<float>::infinity()
                     : block.statistics.maximum[r] +
                           static_cast<float>(portable::log(static_cast<double>(total)));
  }
}

template <class T>
void forward_task(const AttentionForward<T>& a, const ForwardPlan& plan, const float* packed,
                  QueryBlock& block) {
  start_block(a, plan, block);
  const KeyRange keys = block.see.any;
  for (int64_t j = keys.begin / kKeyBlock; j * kKeyBlock < keys.end; ++j) {
    take_keys(a, plan, packed, block, j);
  }
  finish_block(a, plan, block);
}

// The first to the last key of the block that some query sees. Of a cache, most blocks are still
// empty, and what lies behind its last key may be anything, NaN too: it must not be multiplied, not
// even by 0.
template <class T>
KeyRange seen_keys(const AttentionForward<T>& a, int64_t b, const KeyRange& block) {
  if (a.mask.range_BT2 == nullptr) return block;
  KeyRange seen;
  for (int64_t t = 0; t < a.shape.T; ++t) {
    seen = join(seen, visible_keys(a.shape, a.mask, b, t).within(block));
  }
  return seen;
}

template <class T>
void pack_key_block(const AttentionForward<T>& a, const ForwardPlan& plan, int64_t pair,
                    int64_t key_block, float* packed) {
  const int64_t first = key_block * kKeyBlock, D = a.shape.D;
  HeadSpan span{pair / a.shape.K, pair % a.shape.K, first, 0};
  const KeyRange seen = seen_keys(a, span.b, {first, std::min(first + kKeyBlock, a.shape.S)});
  if (seen.empty()) return;
  // Scores of keys that nobody sees are dropped, whatever they are; values must not be.
  span.first = seen.begin;
  span.count = seen.end - seen.begin;
  const int64_t begin = (seen.begin - first) * plan.ld, end = (seen.end - first) * plan.ld;
  float* k = packed + key_block * plan.block_floats;
  float* v = k + plan.key_blocks * plan.block_floats;
  copy_rows(rows_of(a.k, D, span), 1.0f, Rows<float>{k + begin, plan.ld, span.count, D});
  std::fill(v, v + begin, 0.0f);
  copy_rows(rows_of(a.v, D, span), 1.0f, Rows<float>{v + begin, plan.ld, span.count, D});
  std::fill(v + end, v + plan.block_floats, 0.0f);
}

template <class T>
void forward(const AttentionForward<T>& a, float* memory, const ParallelFor& parallel) {
  const ForwardPlan plan(a.shape);
  const int64_t group = a.shape.H / a.shape.K;
  float* workers = memory + plan.pairs_per_round * plan.head_floats;
  for (int64_t first = 0; first < plan.pairs; first += plan.pairs_per_round) {
    const int64_t pairs = std::min(plan.pairs_per_round, plan.pairs - first);
    parallel(pairs * plan.key_blocks, [&](int64_t task, int) HWY_ATTR {
      const int64_t pair = task / plan.key_blocks;
      pack_key_block(a, plan, first + pair, task % plan.key_blocks,
                     memory + pair * plan.head_floats);
    });
    // The last queries first: with a causal mask they see the most keys.
    parallel(pairs * group * plan.query_blocks, [&](int64_t task, int worker) HWY_ATTR {
      const int64_t pair = task % (pairs * group) / group;
      QueryBlock block(workers + worker * plan.worker_floats, plan);
      const int64_t first_query = (plan.query_blocks - 1 - task / (pairs * group)) * kQueryBlock;
      block.span = {(first + pair) / a.shape.K, (first + pair) % a.shape.K * group + task % group,
                    first_query, std::min(kQueryBlock, a.shape.T - first_query)};
      forward_task(a, plan, memory + pair * plan.head_floats, block);
    });
  }
}

void forward_f32(const AttentionForward<float>& a, float* memory, const ParallelFor& parallel) {
  forward<float>(a, memory, parallel);
}
void forward_bf16(const AttentionForward<BFloat16>& a, float* memory, const ParallelFor& parallel) {
  forward<BFloat16>(a, memory, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(forward_f32);
HWY_EXPORT(forward_bf16);

size_t attention_forward_workspace(const AttentionShape& shape, int threads) {
  return static_cast<size_t>(ForwardPlan(shape).floats(threads)) * sizeof(float);
}

void attention_forward(const AttentionForward<float>& args, void* workspace,
                       const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(forward_f32)(args, static_cast<float*>(workspace), parallel);
}
void attention_forward(const AttentionForward<BFloat16>& args, void* workspace,
                       const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(forward_bf16)(args, static_cast<float*>(workspace), parallel);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
