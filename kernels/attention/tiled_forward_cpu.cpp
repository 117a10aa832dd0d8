// The forward pass of attention in blocks of bfloat16; forward_walk-inl.h has the order of things.
#include "kernels/attention/attention_plan.h"
#include "kernels/attention/tiled_attention.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/tiled_forward_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/attention/forward_walk-inl.h"
#include "kernels/attention/pairs-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// Where probabilities of one vector of queries go: keys in pairs.
struct EmitPairs {
  static constexpr bool kRounds = true;
  BFloat16* p;    // of the first lane
  float* sums;    // of the first lane
  int64_t width;  // rows of sums

  HWY_INLINE void operator()(int64_t key, V p0, V p1) const {
    store_pairs(p0, p1, p + key * kQueryBlock);
  }
  HWY_INLINE V rounded(V value) const { return rounded_to_bf16(value); }
  HWY_INLINE void rescale(V factors) const { scale_columns(sums, width, factors); }
};

// Packed heads: all blocks of keys, rows [key][ld], then all blocks of values, [d][key].
struct TiledForwardBlock : ForwardBlock {
  static constexpr bool kTiled = true;
  const TileSession tiles;
  BFloat16 *q, *q_pairs;  // [query][ld]; [d / 2][query] pairs
  BFloat16* p;            // [key / 2][query] pairs

  TiledForwardBlock(const TileEngine& engine, const ForwardPlan& given, float* memory)
      : ForwardBlock(given, memory),
        tiles(engine),
        q(reinterpret_cast<BFloat16*>(rest())),
        q_pairs(q + kQueryBlock * plan.ld),
        p(q_pairs + kQueryBlock * plan.ld) {}

  // The keys begin at row `row` of their block. Scores of keys that nobody sees are dropped,
  // whatever they are; their values must not be.
  void pack_keys(const AttentionForward<BFloat16>& a, const HeadSpan& keys, int64_t row,
                 float* packed) const {
    const int64_t ld = plan.ld, D = a.shape.D;
    auto* k = reinterpret_cast<BFloat16*>(packed);
    auto* v = reinterpret_cast<BFloat16*>(packed + plan.key_blocks * plan.block_floats);
    pack_bf16_rows(rows_of(a.k, D, keys), k + row * ld, ld, kKeyBlock - row);
    std::memset(static_cast<void*>(q), 0, static_cast<size_t>(row * ld) * sizeof(BFloat16));
    pack_bf16_rows(rows_of(a.v, D, keys), q + row * ld, ld, kKeyBlock - row);
    pair_columns(q, ld, q_pairs);
    split_pairs(q_pairs, ld, v);
  }

  void start(const AttentionForward<BFloat16>& a) {
    start_queries(a, *this);
    pack_bf16_rows(rows_of(a.q, a.shape.D, span), q, plan.ld, kQueryBlock);
    pair_columns(q, plan.ld, q_pairs);
  }

  void take_keys(const AttentionForward<BFloat16>& a, const float* packed, int64_t key_block) {
    const SeenBlock seen(see, key_block * kKeyBlock, kTileUnit);
    const float* block = packed + key_block * plan.block_floats;
    const auto* k = reinterpret_cast<const BFloat16*>(block);
    const auto* v = reinterpret_cast<const BFloat16*>(block + plan.key_blocks * plan.block_floats);
    if (a.dropout.p > 0.0f) fill_kept(a.dropout, a.shape, span, seen, kept);
    for_seen_panels(seen, [&](KeyRange queries, KeyRange keys) HWY_ATTR {
      make_scores(k + keys.begin * plan.ld, queries, keys);
      for (int64_t query = queries.begin; query < queries.end; query += kLanes) {
        const LaneMasks masks(seen, query, a.dropout, kept);
        soften({scores + query, a.scale, keys}, masks, statistics, query,
               EmitPairs{p + 2 * query, out_t + query, a.shape.D});
      }
      add_values(v + keys.begin, queries, keys);
    });
  }

  void make_scores(const BFloat16* k, const KeyRange& queries, const KeyRange& keys) const {
    tiles.multiply({.a = k,
                    .a_row = plan.ld,
                    .b = q_pairs + 2 * queries.begin,
                    .b_row = 2 * kQueryBlock,
                    .c = scores + keys.begin * kQueryBlock + queries.begin,
                    .c_row = kQueryBlock,
                    .m = keys.end - keys.begin,
                    .n = queries.end - queries.begin,
                    .k = plan.ld,
                    .add = false});
  }
  void add_values(const BFloat16* v, const KeyRange& queries, const KeyRange& keys) const {
    tiles.multiply({.a = v,
                    .a_row = kKeyBlock,
                    .b = p + keys.begin * kQueryBlock + 2 * queries.begin,
                    .b_row = 2 * kQueryBlock,
                    .c = out_t + queries.begin,
                    .c_row = kQueryBlock,
                    .m = plan.ld,
                    .n = queries.end - queries.begin,
                    .k = keys.end - keys.begin,
                    .add = true});
  }
};

void forward_tiled(const AttentionForward<BFloat16>& a, const TileEngine& engine, float* memory,
                   const ParallelFor& parallel) {
  walk_forward<TiledForwardBlock>(a, engine, memory, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(forward_tiled);

void tiled_attention_forward(const AttentionForward<BFloat16>& args, const TileEngine& engine,
                             float* memory, const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(forward_tiled)(args, engine, memory, parallel);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
