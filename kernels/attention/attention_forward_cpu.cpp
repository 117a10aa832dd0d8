// The forward pass of attention; attention.h has the formulas. A round packs the keys (transposed)
// and values of a few key/value heads into blocks, then takes all their blocks of queries: enough
// tasks for many threads, little memory.
#include <limits>
#include <utility>

#include "kernels/attention/attention.h"
#include "kernels/attention/visible_keys.h"
#include "kernels/simd/launch.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/attention_forward_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/attention/attention_blocks-inl.h"

#ifndef WEFT_KERNELS_ATTENTION_FORWARD_ONCE_
#define WEFT_KERNELS_ATTENTION_FORWARD_ONCE_
namespace weft::kernels {

// How the work is cut and where its parts lie, in floats: packed heads first, then workers.
struct ForwardPlan {
  int64_t pairs, pairs_per_round, query_blocks, queries, key_blocks;
  int64_t ld;                      // D rounded up to whole panels
  int64_t kt_floats, head_floats;  // of a transposed block; of a packed head
  int64_t worker_floats;

  explicit ForwardPlan(const AttentionShape& s)
      : pairs(s.B * s.K),
        query_blocks(blocks_of(s.T, kQueryBlock)),
        queries(std::min(s.T, kQueryBlock)),
        key_blocks(blocks_of(s.S, kKeyBlock)),
        ld(round_up(s.D, kPanel)),
        kt_floats(s.D * kKeyBlock),
        head_floats(key_blocks * (kt_floats + kKeyBlock * ld)),
        worker_floats(round_up(queries * (2 * ld + kKeyBlock + 2) + kKeyBlock +
                                   4 * kQueryBlock,  // ranges: two int64 per query
                               kPanel)) {
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

// One worker's scratch memory: a block of queries and what is known of it so far.
struct QueryBlock {
  float *q, *out, *scores, *maximum, *total, *factors;
  KeyRange* ranges;    // all keys that a query sees
  HeadSpan span = {};  // the queries

  QueryBlock(float* memory, const ForwardPlan& plan) : ranges(reinterpret_cast<KeyRange*>(memory)) {
    float* next = memory + 4 * kQueryBlock;
    const auto take = [&next](int64_t floats) { return std::exchange(next, next + floats); };
    q = take(plan.queries * plan.ld);
    out = take(plan.queries * plan.ld);
    scores = take(plan.queries * kKeyBlock);
    factors = take(kKeyBlock);
    maximum = take(plan.queries);
    total = take(plan.queries);
  }
};

template <class T>
void start_block(const AttentionForward<T>& a, const ForwardPlan& plan, QueryBlock& block) {
  const HeadSpan& span = block.span;
  pack_rows(rows_of(a.q, a.shape.D, span), a.scale, block.q, plan.ld);
  std::fill(block.out, block.out + span.count * plan.ld, 0.0f);
  for (int64_t r = 0; r < span.count; ++r) {
    block.ranges[r] = visible_keys(a.shape, a.mask, span.b, span.first + r);
    block.maximum[r] = -std::numeric_limits<float>::infinity();
    block.total[r] = 0.0f;
  }
}

// The largest score of a row among the columns that it sees.
HWY_INLINE float largest_score(const float* scores, const KeyRange& seen) {
  const V lowest = all(-std::numeric_limits<float>::infinity());
  V largest = lowest;
  const KeyRange panels = panels_of(seen);
  for (int64_t c = panels.begin; c < panels.end; c += kLanes) {
    const V s = load(scores + c, Full());
    largest = hn::Max(largest, hn::IfThenElse(lanes_in(seen, c), s, lowest));
  }
  return max_of_lanes(largest);
}

// scores = exp(scores - maximum) where seen, 0 in the rest of `panels`; returns the sum.
HWY_INLINE float exponentials(float* scores, const KeyRange& panels, const KeyRange& seen,
                              float maximum) {
  const V shift = all(maximum);
  V sum = zeros();
  for (int64_t c = panels.begin; c < panels.end; c += kLanes) {
    const V e = exp_of_difference(hn::Sub(load(scores + c, Full()), shift));
    const bool inside = seen.begin <= c && c + kLanes <= seen.end;
    const V kept = inside ? e : hn::IfThenElseZero(lanes_in(seen, c), e);
    store(kept, scores + c, Full());
    sum = hn::Add(sum, kept);
  }
  return sum_of_lanes(sum);
}

HWY_INLINE void scale_row(float* row, int64_t n, float factor) {
  const V f = all(factor);
  for (int64_t i = 0; i < n; i += kLanes) {
    store(hn::Mul(load(row + i, Full()), f), row + i, Full());
  }
}

// Scores of one row become probabilities relative to the largest score so far; what was summed
// before is rescaled when that grows.
HWY_INLINE void take_row(QueryBlock& block, int64_t row, const KeyRange& panels,
                         const KeyRange& seen, int64_t ld) {
  float* scores = block.scores + row * kKeyBlock;
  if (seen.empty()) return std::fill(scores + panels.begin, scores + panels.end, 0.0f);
  const float before = block.maximum[row];
  const float largest = std::max(largest_score(scores, seen), before);
  if (largest > before && block.total[row] != 0.0f) {
    const float shrink = hn::GetLane(exp_of_difference(all(before - largest)));
    block.total[row] *= shrink;
    scale_row(block.out + row * ld, ld, shrink);
  }
  block.maximum[row] = largest;
  block.total[row] += exponentials(scores, panels, seen, largest);
}

template <class T>
void drop_row(const AttentionForward<T>& a, const QueryBlock& block, int64_t row,
              const KeyRange& panels, int64_t key_block) {
  const int64_t place = block.span.head * a.shape.T + block.span.first + row;
  fill_dropout_factors(dropout_row(a.dropout, a.shape, block.span.b, place, key_block),
                       block.factors);
  float* scores = block.scores + row * kKeyBlock;
  for (int64_t c = panels.begin; c < panels.end; c += kLanes) {
    store(hn::Mul(load(scores + c, Full()), load(block.factors + c, Full())), scores + c, Full());
  }
}

// One block of queries against one block of keys and values.
template <class T>
void take_keys(const AttentionForward<T>& a, const ForwardPlan& plan, const float* packed,
               QueryBlock& block, int64_t key_block) {
  const SeenBlock seen(block.ranges, block.span.count, key_block * kKeyBlock);
  const float* kt = packed + key_block * plan.kt_floats;
  const float* values = packed + plan.key_blocks * plan.kt_floats + key_block * kKeyBlock * plan.ld;
  multiply_seen(seen, {block.q, plan.ld, block.span.count, a.shape.D}, kt, block.scores);
  for_query_groups(seen, [&](int64_t first, int64_t count, KeyRange panels) WEFT_LANES {
    for (int64_t r = first; r < first + count; ++r) {
      take_row(block, r, panels, seen.rows[r], plan.ld);
      if (a.dropout.p > 0.0f) drop_row(a, block, r, panels, key_block);
    }
  });
  add_seen(seen, block.scores, values, plan.ld, block.out);
}

template <class T>
void finish_block(const AttentionForward<T>& a, const ForwardPlan& plan, QueryBlock& block) {
  const HeadSpan& span = block.span;
  for (int64_t r = 0; r < span.count; ++r) {
    const bool sees_nothing = block.ranges[r].empty();
    scale_row(block.out + r * plan.ld, plan.ld, sees_nothing ? 0.0f : 1.0f / block.total[r]);
    if (a.lse_BHT == nullptr) continue;
    a.lse_BHT[(span.b * a.shape.H + span.head) * a.shape.T + span.first + r] =
        sees_nothing ? -std::numeric_limits<float>::infinity()
                     : block.maximum[r] + std::log(block.total[r]);
  }
  const Rows<const float> sums{block.out, plan.ld, span.count, a.shape.D};
  copy_rows(sums, 1.0f, rows_of(a.out, a.shape.D, span));
}

template <class T>
void forward_task(const AttentionForward<T>& a, const ForwardPlan& plan, const float* packed,
                  QueryBlock& block) {
  start_block(a, plan, block);
  KeyRange keys;
  for (int64_t r = 0; r < block.span.count; ++r) keys = join(keys, block.ranges[r]);
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
  // Keys before the first seen one are packed too (scores of unseen keys are dropped, whatever they
  // are); their values are not.
  span.count = seen.end - first;
  pack_transposed(rows_of(a.k, D, span), packed + key_block * plan.kt_floats);
  float* values = packed + plan.key_blocks * plan.kt_floats + first * plan.ld;
  std::fill(values, values + (seen.begin - first) * plan.ld, 0.0f);
  span.first = seen.begin;
  span.count = seen.end - seen.begin;
  pack_rows(rows_of(a.v, D, span), 1.0f, values + (seen.begin - first) * plan.ld, plan.ld);
  std::fill(values + (seen.end - first) * plan.ld, values + kKeyBlock * plan.ld, 0.0f);
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
