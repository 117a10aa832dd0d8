// The forward pass over all blocks of keys and queries, whatever the blocks are made of: floats
// (attention_forward_cpu.cpp) or bfloat16 (tiled_forward_cpu.cpp). A round packs the keys and
// values of a few key/value heads into blocks, then takes all their blocks of queries: enough tasks
// for many threads, little memory. Scores are made transposed, K Q^T, and so are the sums, V^T P^T:
// see scores-inl.h.
#if defined(WEFT_KERNELS_ATTENTION_FORWARD_WALK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_ATTENTION_FORWARD_WALK_INL_H_
#undef WEFT_KERNELS_ATTENTION_FORWARD_WALK_INL_H_
#else
#define WEFT_KERNELS_ATTENTION_FORWARD_WALK_INL_H_
#endif

#include <limits>

#include "kernels/attention/attention_plan.h"
#include "kernels/attention/scores-inl.h"
#include "kernels/attention/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// What every kind of block knows of its queries so far. A kind of block derives from it and has
//
//   Block(engine, plan, worker's memory) · pack_keys(args, keys, seen, packed)
//   start(args) · take_keys(args, packed, block of keys)
struct ForwardBlock {
  const ForwardPlan& plan;
  float *rows, *out_t, *scores;  // [query][ld], [d][query], [key][query]
  HeadSpan span = {};
  QueriesSee see;
  Statistics statistics;
  KeptBits kept;

  ForwardBlock(const ForwardPlan& given, float* memory)
      : plan(given),
        rows(memory),
        out_t(rows + kQueryBlock * plan.ld),
        scores(out_t + kQueryBlock * plan.ld) {}
  // Behind what is declared here.
  float* rest() const { return scores + kKeyBlock * kQueryBlock; }
};

template <class T>
void start_queries(const AttentionForward<T>& a, ForwardBlock& block) {
  block.see.set(a.shape, a.mask, block.span, {0, a.shape.S});
  block.statistics.clear();
  std::fill(block.out_t, block.out_t + kQueryBlock * block.plan.ld, 0.0f);
}

// log x for 1 <= x < 2^24: an error below 1e-7 of the result, or of 1. NaN stays NaN. With
// x = 2^e m, m near 1, and s = (m - 1) / (m + 1), log m = 2 s + s^3 (2 / 3 + 2 / 5 s^2 + ...).
HWY_INLINE V log_of_sum(V x) {
  const auto half_root = hn::Set(I32(), 0x3F3504F3);  // the bits of sqrt(1 / 2)
  const auto bits = hn::BitCast(I32(), x);
  const auto e = hn::ShiftRight<23>(hn::Sub(bits, half_root));
  const V m = hn::BitCast(F32(), hn::Sub(bits, hn::ShiftLeft<23>(e)));
  const V s = hn::Div(hn::Sub(m, all(1.0f)), hn::Add(m, all(1.0f)));
  const V square = hn::Mul(s, s);
  const V series = polynomial(square, 2.0f / 3, 2.0f / 5, 2.0f / 7, 2.0f / 9);
  const V log_m = hn::MulAdd(hn::Mul(s, square), series, hn::Add(s, s));
  const V exponent = hn::ConvertTo(F32(), e);
  const V small = hn::MulAdd(exponent, all(-2.12194440e-4f), log_m);
  const V log_x = hn::MulAdd(exponent, all(0.693359375f), small);  // log 2, in two parts
  return hn::IfThenElse(hn::Eq(x, x), log_x, x);
}

// Log-sum-exps, in place of totals, and what the sums are divided by, as factors in place of
// weights.
inline void finish_statistics(const QueriesSee& see, Statistics& statistics) {
  const V lowest = all(-std::numeric_limits<float>::infinity());
  for (int64_t r = 0; r < kQueryBlock; r += kLanes) {
    const VI32 begin = hn::LoadU(I32(), see.begin + r), end = hn::LoadU(I32(), see.end + r);
    const MaskF sees = hn::RebindMask(F32(), hn::Lt(begin, end));
    float *total = statistics.total + r, *weight = statistics.weight + r;
    const V sum = hn::IfThenElse(sees, load(total, Full()), all(1.0f));
    const V lse = hn::Add(load(statistics.maximum + r, Full()), log_of_sum(sum));
    store(hn::IfThenElse(sees, lse, lowest), total, Full());
    const V divisor = hn::IfThenElse(sees, load(weight, Full()), all(1.0f));
    store(hn::IfThenElseZero(sees, hn::Div(all(1.0f), divisor)), weight, Full());
  }
}

template <class T>
void finish_queries(const AttentionForward<T>& a, ForwardBlock& block) {
  const HeadSpan& span = block.span;
  const int64_t ld = block.plan.ld, D = a.shape.D;
  finish_statistics(block.see, block.statistics);
  if (a.lse_BHT != nullptr) {
    const float* lse = block.statistics.total;
    std::copy(lse, lse + span.count,
              a.lse_BHT + (span.b * a.shape.H + span.head) * a.shape.T + span.first);
  }
  transpose({block.out_t, kQueryBlock, block.rows, ld, ld, kQueryBlock});
  const Rows<T> out = rows_of(a.out, D, span);
  for (int64_t r = 0; r < span.count; ++r) {
    copy_rows(Rows<const float>{block.rows + r * ld, ld, 1, D}, block.statistics.weight[r],
              Rows<T>{out.data + r * out.stride, out.stride, 1, D});
  }
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

template <class Block, class T>
void take_queries(const AttentionForward<T>& a, const float* packed, Block& block) {
  block.start(a);
  fetch_rows(rows_of(a.out, a.shape.D, block.span));
  const KeyRange keys = block.see.any;
  for (int64_t j = keys.begin / kKeyBlock; j * kKeyBlock < keys.end; ++j) {
    block.take_keys(a, packed, j);
  }
  finish_queries(a, block);
}

template <class Block, class T, class Engine>
void walk_forward(const AttentionForward<T>& a, const Engine& engine, float* memory,
                  const ParallelFor& parallel) {
  const ForwardPlan plan(a.shape, Block::kTiled);
  const AttentionShape& s = a.shape;
  const int64_t group = s.H / s.K;
  float* workers = memory + plan.pairs_per_round * plan.head_floats;
  for (int64_t first = 0; first < plan.pairs; first += plan.pairs_per_round) {
    const int64_t pairs = std::min(plan.pairs_per_round, plan.pairs - first);
    parallel(pairs * plan.key_blocks, [&](int64_t task, int worker) HWY_ATTR {
      const int64_t pair = first + task / plan.key_blocks, j = task % plan.key_blocks;
      const KeyRange keys{j * kKeyBlock, std::min((j + 1) * kKeyBlock, s.S)};
      const KeyRange seen = seen_keys(a, pair / s.K, keys);
      if (seen.empty()) return;
      Block block(engine, plan, workers + worker * plan.worker_floats);
      block.pack_keys(a, {pair / s.K, pair % s.K, seen.begin, seen.end - seen.begin},
                      seen.begin - keys.begin,
                      memory + task / plan.key_blocks * plan.head_floats + j * plan.block_floats);
    });
    // The last queries first: with a causal mask they see the most keys.
    parallel(pairs * group * plan.query_blocks, [&](int64_t task, int worker) HWY_ATTR {
      const int64_t pair = task % (pairs * group) / group;
      const int64_t first_query = (plan.query_blocks - 1 - task / (pairs * group)) * kQueryBlock;
      Block block(engine, plan, workers + worker * plan.worker_floats);
      block.span = {(first + pair) / s.K, (first + pair) % s.K * group + task % group, first_query,
                    std::min(kQueryBlock, s.T - first_query)};
      take_queries(a, memory + pair * plan.head_floats, block);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_ATTENTION_FORWARD_WALK_INL_H_
