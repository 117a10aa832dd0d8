// The backward pass over all blocks of keys and queries, whatever the blocks are made of: floats
// (attention_backward_cpu.cpp) or bfloat16 (tiled_backward_cpu.cpp). attention.h has what it
// computes. With P = exp(S - lse) recomputed block by block, D the dropout factors,
// dP = (dO V^T) D and delta = rowsum(dO O):
//
//   dV = (P D)^T dO      dS = P (dP - delta)      dQ = scale dS K      dK = scale dS^T Q
//
// A task owns the keys of one key/value head (or a part of them, where there are few heads and many
// keys) and walks over all blocks of queries, so that dK and dV have one owner and one order. dQ is
// complete after one task, or the sum of the parts' in order. Scores and dP are made transposed,
// [key][query]: see scores-inl.h.
#if defined(WEFT_KERNELS_ATTENTION_BACKWARD_WALK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_ATTENTION_BACKWARD_WALK_INL_H_
#undef WEFT_KERNELS_ATTENTION_BACKWARD_WALK_INL_H_
#else
#define WEFT_KERNELS_ATTENTION_BACKWARD_WALK_INL_H_
#endif

#include "kernels/attention/attention_plan.h"
#include "kernels/attention/scores-inl.h"
#include "kernels/attention/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// One worker's scratch memory that every kind of block needs. A kind of block derives from it and
// has
//
//   Block(engine, plan, worker's memory) · load_keys(args) · load_queries(args)
//   take_keys(args, seen, first key of the task) · finish_queries(): dq as rows
struct BackwardBlock {
  const BackwardPlan& plan;
  float *dk, *dv, *dq;               // rows: by key of the task twice, by query of the block
  float *p, *ds;                     // [key][query]: scores and dP, or what becomes of them
  HeadSpan keys = {}, queries = {};  // of the task; of the current block
  QueriesSee see;
  float lse[kQueryBlock], delta[kQueryBlock];
  KeptBits kept;

  BackwardBlock(const BackwardPlan& given, float* memory)
      : plan(given),
        dk(memory),
        dv(dk + plan.part_keys * plan.ld),
        dq(dv + plan.part_keys * plan.ld),
        p(dq + kQueryBlock * plan.ld),
        ds(p + kKeyBlock * kQueryBlock) {}
  // Behind what is declared here.
  float* rest() const { return ds + kKeyBlock * kQueryBlock; }
};

// visit(first key, keys, queries) for every panel of keys of the block that some query sees.
template <class Visit>
HWY_INLINE void for_seen_keys(const SeenBlock& seen, Visit visit) {
  if (seen.complete) return visit(int64_t{0}, kKeyBlock, KeyRange{0, kQueryBlock});
  for (int64_t key = 0; key < kKeyBlock; key += seen.unit) {
    const KeyRange rows = seen.queries_of(key);
    if (!rows.empty()) visit(key, seen.unit, rows);
  }
}

// Missing queries have statistics of 0, and rows of zeros: they add nothing to any key.
template <class T>
void start_queries(const AttentionBackward<T>& a, BackwardBlock& block) {
  const HeadSpan& span = block.queries;
  block.see.set(a.shape, a.mask, span, {block.keys.first, block.keys.first + block.keys.count});
  std::fill(block.lse, block.lse + kQueryBlock, 0.0f);
  std::fill(block.delta, block.delta + kQueryBlock, 0.0f);
  const float* lse = a.lse_BHT + (span.b * a.shape.H + span.head) * a.shape.T + span.first;
  std::copy(lse, lse + span.count, block.lse);
  const Rows<const T> out = rows_of(a.out, a.shape.D, span),
                      dout = rows_of(a.dout, a.shape.D, span);
  for (int64_t r = 0; r < span.count; ++r) {
    const T *o = out.data + r * out.stride, *d = dout.data + r * dout.stride;
    block.delta[r] = sum_lanes(a.shape.D, [&](int64_t i, auto e) WEFT_LANES {
      return hn::Mul(load(o + i, e), load(d + i, e));
    });
  }
}

// All queries of one head against the task's keys. `partial` is where this part's dQ of the head
// goes, if there are several parts.
template <class Block, class T>
void take_head(const AttentionBackward<T>& a, Block& block, float* partial) {
  const int64_t ld = block.plan.ld;
  for (int64_t first = 0; first < a.shape.T; first += kQueryBlock) {
    block.queries.first = first;
    block.queries.count = std::min(kQueryBlock, a.shape.T - first);
    start_queries(a, block);
    block.load_queries(a);
    const KeyRange keys = block.see.any;
    for (int64_t j = keys.begin / kKeyBlock; j * kKeyBlock < keys.end; ++j) {
      block.take_keys(a, j * kKeyBlock);
    }
    block.finish_queries();
    const Rows<const float> dq{block.dq, ld, block.queries.count, a.shape.D};
    if (partial == nullptr) {
      copy_rows(dq, a.scale, rows_of(a.dq, a.shape.D, block.queries));
    } else {
      std::copy(block.dq, block.dq + block.queries.count * ld, partial + first * ld);
    }
  }
}

template <class Block, class T>
void take_task(const AttentionBackward<T>& a, Block& block, float* partials) {
  const int64_t group = a.shape.H / a.shape.K, D = a.shape.D, ld = block.plan.ld;
  std::fill(block.dk, block.dk + block.plan.part_keys * ld, 0.0f);
  std::fill(block.dv, block.dv + block.plan.part_keys * ld, 0.0f);
  block.load_keys(a);
  for (int64_t i = 0; i < group; ++i) {
    block.queries.b = block.keys.b;
    block.queries.head = block.keys.head * group + i;
    const int64_t head = block.keys.b * a.shape.H + block.queries.head;
    take_head(a, block, partials == nullptr ? nullptr : partials + head * a.shape.T * ld);
  }
  const int64_t count = block.keys.count;
  copy_rows(Rows<const float>{block.dk, ld, count, D}, a.scale, rows_of(a.dk, D, block.keys));
  copy_rows(Rows<const float>{block.dv, ld, count, D}, 1.0f, rows_of(a.dv, D, block.keys));
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

template <class Block, class T, class Engine>
void walk_backward(const AttentionBackward<T>& a, const Engine& engine, float* memory,
                   const ParallelFor& parallel) {
  const BackwardPlan plan(a.shape, Block::kTiled);
  const AttentionShape& s = a.shape;
  float* workers = memory + plan.parts * plan.partial_floats;
  // The last part's keys are seen by the fewest queries under a causal mask: the first part first.
  parallel(plan.pairs * plan.parts, [&](int64_t task, int worker) HWY_ATTR {
    const int64_t pair = task % plan.pairs, part = task / plan.pairs;
    Block block(engine, plan, workers + worker * plan.worker_floats);
    const int64_t first = part * plan.part_keys;
    block.keys = {pair / s.K, pair % s.K, first, std::min(plan.part_keys, s.S - first)};
    take_task(a, block, plan.parts == 1 ? nullptr : memory + part * plan.partial_floats);
  });
  if (plan.parts == 1) return;
  const int64_t blocks = ceil_div(s.T, kQueryBlock);
  parallel(s.B * s.H * blocks, [&](int64_t task, int) HWY_ATTR {
    const int64_t head = task / blocks, first = task % blocks * kQueryBlock;
    add_parts(a, plan, memory, {head / s.H, head % s.H, first, std::min(kQueryBlock, s.T - first)});
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_ATTENTION_BACKWARD_WALK_INL_H_
