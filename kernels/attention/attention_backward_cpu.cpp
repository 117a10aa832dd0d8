// The backward pass of attention; attention.h has what it computes. With P = exp(S - lse)
// recomputed block by block, D the dropout factors, dP = (dO V^T) D and delta = rowsum(dO O):
//
//   dV = (P D)^T dO      dS = P (dP - delta)      dQ = scale dS K      dK = scale dS^T Q
//
// A task owns the keys of one key/value head (or a part of them, where there are few heads and many
// keys) and walks over all blocks of queries, so that dK and dV have one owner and one order. dQ is
// complete after one task, or the sum of the parts' in order.
#include <cmath>
#include <utility>

#include "kernels/attention/attention.h"
#include "kernels/attention/visible_keys.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/attention_backward_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/attention/attention_blocks-inl.h"

#ifndef WEFT_KERNELS_ATTENTION_BACKWARD_ONCE_
#define WEFT_KERNELS_ATTENTION_BACKWARD_ONCE_
namespace weft::kernels {

// How the work is cut and where its parts lie, in floats: partial dQ first, then workers.
struct BackwardPlan {
  int64_t pairs, parts, part_keys;  // key/value heads; parts of the keys; keys in a part
  int64_t queries, ld;
  int64_t partial_floats;  // of dQ of one part; 0 if there is one part only
  int64_t worker_floats;

  explicit BackwardPlan(const AttentionShape& s)
      : pairs(s.B * s.K), queries(std::min(s.T, kQueryBlock)), ld(round_up(s.D, kPanel)) {
    constexpr int64_t kTasks = 32;       // wanted, where each part still has enough keys
    constexpr int64_t kLeastKeys = 256;  // in a part: each part reads all queries
    constexpr int64_t kMostKeys = 4096;  // in a part: its scratch memory is five times as large
    const int64_t for_tasks = std::min(blocks_of(kTasks, pairs), blocks_of(s.S, kLeastKeys));
    const int64_t wanted = std::max(for_tasks, blocks_of(s.S, kMostKeys));
    part_keys = round_up(blocks_of(s.S, wanted), kKeyBlock);
    parts = blocks_of(s.S, part_keys);
    partial_floats = parts == 1 ? 0 : s.B * s.H * s.T * ld;
    const int64_t keys = part_keys * (3 * ld + 2 * s.D);
    worker_floats =
        round_up(keys + queries * (3 * ld + 2 * kKeyBlock) + kKeyBlock + 6 * kQueryBlock, kPanel);
  }
  int64_t floats(int threads) const { return parts * partial_floats + threads * worker_floats; }
};

}  // namespace weft::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// One worker's scratch memory: the keys of a task and the current block of queries.
struct BackwardTask {
  KeyRange* ranges;                  // by query: all keys that it sees
  float *lse, *delta, *factors;      // by query, by query, by key of a block
  float *kt, *vt, *k, *dk, *dv;      // by key block: transposed keys and values; by key: rows
  float *q, *dout, *dq;              // by query: rows; q is scaled
  float *p, *ds;                     // scores become P D, dP becomes dS
  HeadSpan keys = {}, queries = {};  // of the task; of the current block

  KeyRange key_range() const { return {keys.first, keys.first + keys.count}; }

  BackwardTask(float* memory, const BackwardPlan& plan, int64_t D)
      : ranges(reinterpret_cast<KeyRange*>(memory)) {
    float* next = memory + 4 * kQueryBlock;
    const auto take = [&next](int64_t floats) { return std::exchange(next, next + floats); };
    lse = take(kQueryBlock);
    delta = take(kQueryBlock);
    factors = take(kKeyBlock);
    kt = take(plan.part_keys * D);
    vt = take(plan.part_keys * D);
    for (float** rows : {&k, &dk, &dv}) *rows = take(plan.part_keys * plan.ld);
    for (float** rows : {&q, &dout, &dq}) *rows = take(plan.queries * plan.ld);
    p = take(plan.queries * kKeyBlock);
    ds = take(plan.queries * kKeyBlock);
  }
};

template <class T>
void load_keys(const AttentionBackward<T>& a, const BackwardPlan& plan, BackwardTask& t) {
  const int64_t D = a.shape.D, count = t.keys.count;
  for (int64_t first = 0; first < count; first += kKeyBlock) {
    HeadSpan span = t.keys;
    span.first += first;
    span.count = std::min(kKeyBlock, count - first);
    pack_transposed(rows_of(a.k, D, span), t.kt + first * D);
    pack_transposed(rows_of(a.v, D, span), t.vt + first * D);
  }
  pack_rows(rows_of(a.k, D, t.keys), 1.0f, t.k, plan.ld);
  std::fill(t.k + count * plan.ld, t.k + plan.part_keys * plan.ld, 0.0f);
  std::fill(t.dk, t.dk + plan.part_keys * plan.ld, 0.0f);
  std::fill(t.dv, t.dv + plan.part_keys * plan.ld, 0.0f);
}

template <class T>
void load_queries(const AttentionBackward<T>& a, const BackwardPlan& plan, BackwardTask& t) {
  const int64_t D = a.shape.D;
  const HeadSpan& span = t.queries;
  const Rows<const T> out = rows_of(a.out, D, span), dout = rows_of(a.dout, D, span);
  pack_rows(rows_of(a.q, D, span), a.scale, t.q, plan.ld);
  pack_rows(dout, 1.0f, t.dout, plan.ld);
  std::fill(t.dq, t.dq + span.count * plan.ld, 0.0f);
  const float* lse = a.lse_BHT + (span.b * a.shape.H + span.head) * a.shape.T + span.first;
  for (int64_t r = 0; r < span.count; ++r) {
    const T *o = out.data + r * out.stride, *d = dout.data + r * dout.stride;
    t.delta[r] = sum_lanes(
        D, [&](int64_t i, auto e) WEFT_LANES { return hn::Mul(load(o + i, e), load(d + i, e)); });
    t.lse[r] = lse[r];
    t.ranges[r] = visible_keys(a.shape, a.mask, span.b, span.first + r).within(t.key_range());
  }
}

// P D and dS of one row from its scores and dP.
HWY_INLINE void differentiate_row(const BackwardTask& t, int64_t row, const KeyRange& panels,
                                  const KeyRange& seen, bool drops) {
  float *scores = t.p + row * kKeyBlock, *dp = t.ds + row * kKeyBlock;
  const V lse = all(t.lse[row]), delta = all(t.delta[row]);
  for (int64_t c = panels.begin; c < panels.end; c += kLanes) {
    const bool inside = seen.begin <= c && c + kLanes <= seen.end;
    const V e = exp_of_difference(hn::Sub(load(scores + c, Full()), lse));
    const V p = inside ? e : hn::IfThenElseZero(lanes_in(seen, c), e);
    const V factor = drops ? load(t.factors + c, Full()) : all(1.0f);
    const V slope = hn::Sub(hn::Mul(load(dp + c, Full()), factor), delta);
    const V ds = hn::Mul(p, slope);
    store(inside ? ds : hn::IfThenElseZero(lanes_in(seen, c), ds), dp + c, Full());
    store(hn::Mul(p, factor), scores + c, Full());
  }
}

template <class T>
void differentiate_scores(const AttentionBackward<T>& a, BackwardTask& t, const SeenBlock& seen,
                          int64_t key_block) {
  const bool drops = a.dropout.p > 0.0f;
  for_query_groups(seen, [&](int64_t first, int64_t count, KeyRange panels) WEFT_LANES {
    for (int64_t r = first; r < first + count; ++r) {
      const int64_t place = t.queries.head * a.shape.T + t.queries.first + r;
      if (drops) {
        fill_dropout_factors(dropout_row(a.dropout, a.shape, t.queries.b, place, key_block),
                             t.factors);
      }
      differentiate_row(t, r, panels, seen.rows[r], drops);
    }
  });
}

// sums[key] += weights[query][key] rows[query], for keys in groups that some query sees.
HWY_INLINE void add_to_keys(const SeenBlock& seen, const float* weights, const float* rows,
                            int64_t ld, float* sums) {
  const int64_t step = seen.complete ? kKeyBlock : kRowGroup;
  for (int64_t first = 0; first < kKeyBlock; first += step) {
    const int64_t count = std::min(step, kKeyBlock - first);
    const KeyRange queries =
        seen.complete ? KeyRange{0, seen.queries} : seen.queries_of(first, count);
    if (queries.empty()) continue;
    multiply_block({.a = weights + queries.begin * kKeyBlock + first,
                    .a_row = 1,
                    .a_column = kKeyBlock,
                    .b = rows + queries.begin * ld,
                    .ldb = ld,
                    .c = sums + first * ld,
                    .ldc = ld,
                    .m = count,
                    .n = ld,
                    .k = queries.end - queries.begin,
                    .add = true});
  }
}

// One block of queries against one block of the task's keys.
template <class T>
void take_block(const AttentionBackward<T>& a, const BackwardPlan& plan, BackwardTask& t,
                int64_t first_key) {
  const int64_t at = first_key - t.keys.first, D = a.shape.D, ld = plan.ld;
  const int64_t count = t.queries.count;
  const SeenBlock seen(t.ranges, count, first_key);
  if (!seen.complete) {
    // Groups of queries see different panels: what none of them computes must count as 0.
    std::fill(t.p, t.p + count * kKeyBlock, 0.0f);
    std::fill(t.ds, t.ds + count * kKeyBlock, 0.0f);
  }
  multiply_seen(seen, {t.q, ld, count, D}, t.kt + at * D, t.p);
  multiply_seen(seen, {t.dout, ld, count, D}, t.vt + at * D, t.ds);
  differentiate_scores(a, t, seen, first_key / kKeyBlock);
  add_to_keys(seen, t.p, t.dout, ld, t.dv + at * ld);
  add_to_keys(seen, t.ds, t.q, ld, t.dk + at * ld);
  add_seen(seen, t.ds, t.k + at * ld, ld, t.dq);
}

// All queries of one head against the task's keys. `partial` is where this part's dQ of the head
// goes, if there are several parts.
template <class T>
void take_head(const AttentionBackward<T>& a, const BackwardPlan& plan, BackwardTask& t,
               float* partial) {
  for (int64_t first = 0; first < a.shape.T; first += kQueryBlock) {
    t.queries.first = first;
    t.queries.count = std::min(kQueryBlock, a.shape.T - first);
    load_queries(a, plan, t);
    KeyRange keys;
    for (int64_t r = 0; r < t.queries.count; ++r) keys = join(keys, t.ranges[r]);
    for (int64_t j = keys.begin / kKeyBlock; j * kKeyBlock < keys.end; ++j) {
      take_block(a, plan, t, j * kKeyBlock);
    }
    const Rows<const float> dq{t.dq, plan.ld, t.queries.count, a.shape.D};
    if (partial == nullptr) {
      copy_rows(dq, a.scale, rows_of(a.dq, a.shape.D, t.queries));
    } else {
      std::copy(t.dq, t.dq + t.queries.count * plan.ld, partial + first * plan.ld);
    }
  }
}

template <class T>
void backward_task(const AttentionBackward<T>& a, const BackwardPlan& plan, BackwardTask& t,
                   float* partials) {
  const int64_t group = a.shape.H / a.shape.K, D = a.shape.D;
  load_keys(a, plan, t);
  for (int64_t i = 0; i < group; ++i) {
    t.queries.b = t.keys.b;
    t.queries.head = t.keys.head * group + i;
    const int64_t head = t.keys.b * a.shape.H + t.queries.head;
    take_head(a, plan, t, partials == nullptr ? nullptr : partials + head * a.shape.T * plan.ld);
  }
  // q was scaled, so that dk is.
  copy_rows(Rows<const float>{t.dk, plan.ld, t.keys.count, D}, 1.0f, rows_of(a.dk, D, t.keys));
  copy_rows(Rows<const float>{t.dv, plan.ld, t.keys.count, D}, 1.0f, rows_of(a.dv, D, t.keys));
}

// dQ as the sum of the parts', in order.
template <class T>
void add_parts(const AttentionBackward<T>& a, const BackwardPlan& plan, float* partials,
               const HeadSpan& span) {
  float* first = partials + ((span.b * a.shape.H + span.head) * a.shape.T + span.first) * plan.ld;
  for (int64_t part = 1; part < plan.parts; ++part) {
    const float* next = first + part * plan.partial_floats;
    for (int64_t i = 0; i < span.count * plan.ld; i += kLanes) {
      store(hn::Add(load(first + i, Full()), load(next + i, Full())), first + i, Full());
    }
  }
  const Rows<const float> sums{first, plan.ld, span.count, a.shape.D};
  copy_rows(sums, a.scale, rows_of(a.dq, a.shape.D, span));
}

template <class T>
void backward(const AttentionBackward<T>& a, float* memory, const ParallelFor& parallel) {
  const BackwardPlan plan(a.shape);
  const AttentionShape& s = a.shape;
  float* workers = memory + plan.parts * plan.partial_floats;
  // The last part's keys are seen by the fewest queries under a causal mask: the first part first.
  parallel(plan.pairs * plan.parts, [&](int64_t task, int worker) HWY_ATTR {
    const int64_t pair = task % plan.pairs, part = task / plan.pairs;
    BackwardTask t(workers + worker * plan.worker_floats, plan, s.D);
    const int64_t first = part * plan.part_keys;
    t.keys = {pair / s.K, pair % s.K, first, std::min(plan.part_keys, s.S - first)};
    backward_task(a, plan, t, plan.parts == 1 ? nullptr : memory + part * plan.partial_floats);
  });
  if (plan.parts == 1) return;
  const int64_t blocks = blocks_of(s.T, kQueryBlock);
  parallel(s.B * s.H * blocks, [&](int64_t task, int) HWY_ATTR {
    const int64_t head = task / blocks, first = task % blocks * kQueryBlock;
    add_parts(a, plan, memory, {head / s.H, head % s.H, first, std::min(kQueryBlock, s.T - first)});
  });
}

void backward_f32(const AttentionBackward<float>& a, float* memory, const ParallelFor& parallel) {
  backward<float>(a, memory, parallel);
}
void backward_bf16(const AttentionBackward<BFloat16>& a, float* memory,
                   const ParallelFor& parallel) {
  backward<BFloat16>(a, memory, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(backward_f32);
HWY_EXPORT(backward_bf16);

size_t attention_backward_workspace(const AttentionShape& shape, int threads) {
  return static_cast<size_t>(BackwardPlan(shape).floats(threads)) * sizeof(float);
}

void attention_backward(const AttentionBackward<float>& args, void* workspace,
                        const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(backward_f32)(args, static_cast<float*>(workspace), parallel);
}
void attention_backward(const AttentionBackward<BFloat16>& args, void* workspace,
                        const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(backward_bf16)(args, static_cast<float*>(workspace), parallel);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
