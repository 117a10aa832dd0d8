// The backward pass of attention; attention.h has what it computes. With P = exp(S - lse)
// recomputed block by block, D the dropout factors, dP = (dO V^T) D and delta = rowsum(dO O):
//
//   dV = (P D)^T dO      dS = P (dP - delta)      dQ = scale dS K      dK = scale dS^T Q
//
// A task owns the keys of one key/value head (or a part of them, where there are few heads and many
// keys) and walks over all blocks of queries, so that dK and dV have one owner and one order. dQ is
// complete after one task, or the sum of the parts' in order. Scores and dP are made transposed,
// [key][query]: see scores-inl.h.
#include <cmath>
#include <utility>

#include "kernels/attention/attention.h"
#include "kernels/attention/visible_keys.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/attention_backward_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/attention/block_product-inl.h"
#include "kernels/attention/scores-inl.h"
#include "kernels/attention/transpose-inl.h"

#ifndef WEFT_KERNELS_ATTENTION_BACKWARD_ONCE_
#define WEFT_KERNELS_ATTENTION_BACKWARD_ONCE_
namespace weft::kernels {

// How the work is cut and where its parts lie, in floats: partial dQ first, then workers.
struct BackwardPlan {
  int64_t pairs, parts, part_keys;  // key/value heads; parts of the keys; keys in a part
  int64_t ld;
  int64_t partial_floats;  // of dQ of one part; 0 if there is one part only
  int64_t worker_floats;

  explicit BackwardPlan(const AttentionShape& s) : pairs(s.B * s.K), ld(round_up(s.D, kPanel)) {
    constexpr int64_t kTasks = 32;       // wanted, where each part still has enough keys
    constexpr int64_t kLeastKeys = 256;  // in a part: each part reads all queries
    constexpr int64_t kMostKeys = 4096;  // in a part: its scratch memory is five times as large
    const int64_t for_tasks = std::min(blocks_of(kTasks, pairs), blocks_of(s.S, kLeastKeys));
    const int64_t wanted = std::max(for_tasks, blocks_of(s.S, kMostKeys));
    part_keys = round_up(blocks_of(s.S, wanted), kKeyBlock);
    parts = blocks_of(s.S, part_keys);
    partial_floats = parts == 1 ? 0 : s.B * s.H * s.T * ld;
    worker_floats = (4 * part_keys + 5 * kQueryBlock) * ld + 2 * kKeyBlock * kQueryBlock;
  }
  int64_t floats(int threads) const { return parts * partial_floats + threads * worker_floats; }
};

}  // namespace weft::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// One worker's scratch memory.
struct BackwardTask {
  float *k, *v, *dk, *dv;            // by key of the task: rows
  float *q, *dout, *dq;              // by query of the block: rows
  float *q_t, *dout_t;               // [d][query]
  float *p, *ds;                     // [key][query]: scores become P D, dP becomes dS
  HeadSpan keys = {}, queries = {};  // of the task; of the current block
  QueriesSee see;
  float lse[kQueryBlock], delta[kQueryBlock];
  KeptBits kept;

  BackwardTask(float* memory, const BackwardPlan& plan) {
    const auto take = [&memory](int64_t floats) { return std::exchange(memory, memory + floats); };
    for (float** rows : {&k, &v, &dk, &dv}) *rows = take(plan.part_keys * plan.ld);
    for (float** rows : {&q, &dout, &dq, &q_t, &dout_t}) *rows = take(kQueryBlock * plan.ld);
    p = take(kKeyBlock * kQueryBlock);
    ds = take(kKeyBlock * kQueryBlock);
  }
};

template <class T>
void load_keys(const AttentionBackward<T>& a, const BackwardPlan& plan, BackwardTask& t) {
  const int64_t used = t.keys.count * plan.ld, all = plan.part_keys * plan.ld;
  pack_rows(rows_of(a.k, a.shape.D, t.keys), 1.0f, t.k, plan.ld);
  pack_rows(rows_of(a.v, a.shape.D, t.keys), 1.0f, t.v, plan.ld);
  std::fill(t.k + used, t.k + all, 0.0f);
  std::fill(t.v + used, t.v + all, 0.0f);
  std::fill(t.dk, t.dk + all, 0.0f);
  std::fill(t.dv, t.dv + all, 0.0f);
}

// Missing queries are rows of zeros, and add nothing to any key.
template <class T>
void load_queries(const AttentionBackward<T>& a, const BackwardPlan& plan, BackwardTask& t) {
  const int64_t D = a.shape.D, ld = plan.ld;
  const HeadSpan& span = t.queries;
  const Rows<const T> out = rows_of(a.out, D, span), dout = rows_of(a.dout, D, span);
  pack_rows(rows_of(a.q, D, span), 1.0f, t.q, ld);
  pack_rows(dout, 1.0f, t.dout, ld);
  for (float* rows : {t.q, t.dout})
    std::fill(rows + span.count * ld, rows + kQueryBlock * ld, 0.0f);
  transpose({t.q, ld, t.q_t, kQueryBlock, kQueryBlock, ld});
  transpose({t.dout, ld, t.dout_t, kQueryBlock, kQueryBlock, ld});
  std::fill(t.dq, t.dq + kQueryBlock * ld, 0.0f);
  std::fill(t.lse, t.lse + kQueryBlock, 0.0f);
  std::fill(t.delta, t.delta + kQueryBlock, 0.0f);
  const float* lse = a.lse_BHT + (span.b * a.shape.H + span.head) * a.shape.T + span.first;
  std::copy(lse, lse + span.count, t.lse);
  for (int64_t r = 0; r < span.count; ++r) {
    const T *o = out.data + r * out.stride, *d = dout.data + r * dout.stride;
    t.delta[r] = sum_lanes(
        D, [&](int64_t i, auto e) WEFT_LANES { return hn::Mul(load(o + i, e), load(d + i, e)); });
  }
}

// A block of keys of the task, and a block of queries.
struct BackwardBlock {
  const SeenBlock& seen;
  int64_t at, D, ld;  // of the first key's row
};

// P D and dS of some queries and keys, and what they give to dQ.
template <class T>
void differentiate_panel(const AttentionBackward<T>& a, BackwardTask& t, const BackwardBlock& block,
                         const KeyRange& queries, const KeyRange& keys) {
  const int64_t ld = block.ld, row = block.at + keys.begin * ld, n = queries.end - queries.begin;
  const int64_t corner = keys.begin * kQueryBlock + queries.begin;
  BlockProduct product{.a = t.k + row,
                       .a_row = ld,
                       .a_column = 1,
                       .b = t.q_t + queries.begin,
                       .ldb = kQueryBlock,
                       .c = t.p + corner,
                       .ldc = kQueryBlock,
                       .m = keys.end - keys.begin,
                       .n = n,
                       .k = block.D,
                       .add = false};
  multiply_block(product);
  product.a = t.v + row;
  product.b = t.dout_t + queries.begin;
  product.c = t.ds + corner;
  multiply_block(product);
  for (int64_t query = queries.begin; query < queries.end; query += kLanes) {
    const LaneMasks masks(block.seen, query, a.dropout, t.kept);
    float *p = t.p + query, *ds = t.ds + query;
    differentiate({p, a.scale, keys}, ds, masks, load(t.lse + query, Full()),
                  load(t.delta + query, Full()),
                  [p, ds](int64_t key, const LaneGradients& g) WEFT_LANES {
                    HWY_UNROLL(2)
                    for (int64_t i = 0; i < 2; ++i) {
                      store(g.p[i], p + (key + i) * kQueryBlock, Full());
                      store(g.ds[i], ds + (key + i) * kQueryBlock, Full());
                    }
                  });
  }
  multiply_block({.a = t.ds + corner,
                  .a_row = 1,
                  .a_column = kQueryBlock,
                  .b = t.k + row,
                  .ldb = ld,
                  .c = t.dq + queries.begin * ld,
                  .ldc = ld,
                  .m = n,
                  .n = ld,
                  .k = keys.end - keys.begin,
                  .add = true});
}

// sums[key] += weights[key][query] rows[query], for panels of keys that some query sees.
HWY_INLINE void add_to_keys(const BackwardBlock& block, const float* weights, const float* rows,
                            float* sums) {
  const SeenBlock& seen = block.seen;
  const int64_t step = seen.complete ? kKeyBlock : seen.unit, ld = block.ld;
  for (int64_t key = 0; key < kKeyBlock; key += step) {
    const KeyRange queries = seen.complete ? KeyRange{0, kQueryBlock} : seen.queries_of(key);
    if (queries.empty()) continue;
    multiply_block({.a = weights + key * kQueryBlock + queries.begin,
                    .a_row = kQueryBlock,
                    .a_column = 1,
                    .b = rows + queries.begin * ld,
                    .ldb = ld,
                    .c = sums + block.at + key * ld,
                    .ldc = ld,
                    .m = step,
                    .n = ld,
                    .k = queries.end - queries.begin,
                    .add = true});
  }
}

// One block of queries against one block of the task's keys.
template <class T>
void take_block(const AttentionBackward<T>& a, const BackwardPlan& plan, BackwardTask& t,
                int64_t first_key) {
  const SeenBlock seen(t.see, first_key, kPanel);
  const BackwardBlock block{seen, (first_key - t.keys.first) * plan.ld, a.shape.D, plan.ld};
  if (!seen.complete) {
    // Panels of queries see different keys: what none of them computes must count as 0.
    std::fill(t.p, t.p + kKeyBlock * kQueryBlock, 0.0f);
    std::fill(t.ds, t.ds + kKeyBlock * kQueryBlock, 0.0f);
  }
  if (a.dropout.p > 0.0f) fill_kept(a.dropout, a.shape, t.queries, seen, t.kept);
  for_seen_panels(seen, [&](KeyRange queries, KeyRange keys)
                            HWY_ATTR { differentiate_panel(a, t, block, queries, keys); });
  add_to_keys(block, t.p, t.dout, t.dv);
  add_to_keys(block, t.ds, t.q, t.dk);
}

// All queries of one head against the task's keys. `partial` is where this part's dQ of the head
// goes, if there are several parts.
template <class T>
void take_head(const AttentionBackward<T>& a, const BackwardPlan& plan, BackwardTask& t,
               float* partial) {
  for (int64_t first = 0; first < a.shape.T; first += kQueryBlock) {
    t.queries.first = first;
    t.queries.count = std::min(kQueryBlock, a.shape.T - first);
    t.see.set(a.shape, a.mask, t.queries, {t.keys.first, t.keys.first + t.keys.count});
    load_queries(a, plan, t);
    const KeyRange keys = t.see.any;
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
  copy_rows(Rows<const float>{t.dk, plan.ld, t.keys.count, D}, a.scale, rows_of(a.dk, D, t.keys));
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
    BackwardTask t(workers + worker * plan.worker_floats, plan);
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
