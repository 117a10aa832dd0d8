// Attention backward for Hopper (sm_90a); attention_backward.cu is its reference, and what runs
// elsewhere.
//
//   P = exp(scale Q K^T - lse), D the factors of dropout, delta_t = dout_t . out_t
//   dV = (P D)^T dout,  dS = P (D (dout V^T) - delta),  dQ = scale dS K,  dK = scale dS^T Q
//
// Two kernels of one form after the one for delta. A block keeps 128 rows of one head: keys and
// values, or queries and output gradients, and goes through the other side 64 tokens at a time. One
// thread copies boxes through a ring of two stages, a second warp writes what each token of a stage
// needs besides its row (log-sum-exp, delta, the keys it sees), and two warp groups of 64 rows each
// multiply: scores and dP, from tiles to registers; P and dS, which stay there as operand A; and
// with them the gradients, 64 x D sums in registers to the end. The keys' kernel goes through all
// queries of all heads of its group, so nothing is added by two blocks: the bits are the same in
// every run, always. Its price is computing P twice, 7 products in place of 5.
//
// Numerics: as forward; P and dS are rounded to bfloat16 for the second products.
// Source: Shah et al., "FlashAttention-3", 2024; the split into two kernels is Triton's tutorial's.
#include "kernels/attention/attention_backward_sm90.h"

#include <type_traits>

#include "kernels/attention/attention_backward_sm90_device.h"
#include "kernels/attention/attention_backward_wide_sm90.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

using namespace attention_cuda;

// The model of its time on an H200, a multiprocessor and step of 128 rows and 64 tokens at D 128:
//                                                                          keys    queries
//   products      4 and 3 x 2 x 128 x 64 x 128 flops at 4,096 a clock      2,048   1,536 clocks
//   exponentials  128 x 64 at 16 a clock                                   512     512
//   the rest      about 10 instructions a score at 128 a clock             640     640
//   copies        32 KiB at 33 bytes a clock                               993     993
// The two warp groups are not told to take turns: each waits for its own products, and the other's
// fill the gap. So products count: 3,584 clocks for 5 products of 2 MFLOP that are needed, 707
// TFLOP/s on 132 multiprocessors at 1.83 GHz; what does not overlap comes on top, and if nothing
// did, 5,888 clocks would be 430. 64 tokens a step because at D 128 the keys' kernel has dK and dV
// in 128 registers and scores and dP in 64; 128 would not fit. Nor do dK and dV of wider heads: see
// attention_backward_wide_sm90.cu.
//
// Dropout is about 20 instructions a score more in both kernels, drawn while the products of the
// same step run: with exponentials and the rest 1,984 clocks to issue, beside 2,048 and 1,536 of
// products: 630 TFLOP/s, and 320 at D 64, where products are half. Without sharing words between
// warps the keys' kernel would draw four times as many.
template <int kD>
struct Config {
  static constexpr int kBlock = 128, kConsumers = 2, kRows = kBlock / kConsumers, kTokens = 64;
  static constexpr Swizzle kSwizzle = kD % 64 == 0 ? Swizzle::k128 : Swizzle::k64;
  static constexpr int kStages = 2;
  // 40 + 2 x 232 registers of 128 threads are 63 of 64 Ki; the visible keys need a few more than
  // copies alone.
  static constexpr unsigned kThreads = (1 + kConsumers) * kWarpGroup;
  static constexpr unsigned kRegistersToCopy = 40, kRegistersToMultiply = 232;
};
// Wider heads have kernels of their own.
constexpr int kMostWidth = 128;

constexpr unsigned kOutputWritten = 1, kDropsShown = 3;  // named barriers, one for each consumer

template <int kD>
struct Shared {
  using C = Config<kD>;
  static constexpr int kStages = C::kStages;
  MatrixTile<C::kBlock, kD, C::kSwizzle> x, x2;  // their gradients at the end
  MatrixTile<C::kTokens, kD, C::kSwizzle> y[kStages], y2[kStages];
  QueryStats stats[kStages];
  Mbarrier x_full, full[kStages], empty[kStages];
  BlockSpan span;
  KeySpan tiles;
  uint32_t dropped[kStages][C::kConsumers][kWarpGroup];  // where rows are keys, with dropout
};

// What a kernel's rows are, and whether there is dropout.
template <bool kRowsAreKeys, bool kDropout>
struct Kind {
  static constexpr bool kOfKeys = kRowsAreKeys;
  using WithDropout = std::conditional_t<kOfKeys, DropsOfKeys, DropsOfQueries>;
  using Drops = std::conditional_t<kDropout, WithDropout, NoDrops>;
};

template <int kD, bool kOfKeys>
WEFT_DEVICE Walk begin_block(const Call& a, Shared<kD>& s) {
  using C = Config<kD>;
  if (thread_index() == 0) {
    for (const TensorMap* map : {&a.x, &a.x2, &a.y, &a.y2}) prefetch(*map);
    init(s.x_full, 1);
    for (int i = 0; i < C::kStages; ++i) {
      init(s.full[i], kOfKeys ? 2 : 1);  // the copies, and the statistics of queries
      init(s.empty[i], C::kConsumers * kWarpGroup / kWarp);
    }
    fence_mbarriers();
  }
  if constexpr (kOfKeys) return walk_of_keys<C::kBlock>(a.w, &s.tiles);
  else return walk_of_queries(a.w, s.span);
}

// By one thread: all that the block reads as tiles.
template <int kD>
WEFT_DEVICE void copy_tiles(const Call& a, Shared<kD>& s, const Walk& walk) {
  using C = Config<kD>;
  arrive_and_expect(s.x_full, s.x.bytes() + s.x2.bytes());
  load_tile(s.x, a.x, {0, walk.head, walk.first, walk.b}, s.x_full);
  load_tile(s.x2, a.x2, {0, walk.head, walk.first, walk.b}, s.x_full);
  RingPlace<C::kStages> at;
  for (int step = 0; step < walk.steps; ++step, at.advance()) {
    const BoxPlace place{0, walk.head_of(step), walk.token(step), walk.b};
    wait(s.empty[at.stage], at.parity ^ 1u);
    arrive_and_expect(s.full[at.stage], s.y[0].bytes() + s.y2[0].bytes());
    load_tile(s.y[at.stage], a.y, place, s.full[at.stage]);
    load_tile(s.y2[at.stage], a.y2, place, s.full[at.stage]);
  }
}

// Scores become P D, and dP becomes dS: of rows that are keys, whose columns are a stage's queries.
WEFT_DEVICE void differentiate_keys(const QueryStats& stats, const Tile& tile, Scores64& p,
                                    Scores64& ds) {
  WEFT_UNROLL
  for (int j = 0; j < 8; ++j) {
    WEFT_UNROLL
    for (int i = 0; i < 2; ++i) {
      const int query = j * 8 + fragment_column(i);
      const KeySpan seen = load(&stats.seen[query]);
      const float lse = load(&stats.lse[query]), delta = load(&stats.delta[query]);
      WEFT_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int v = 2 * half + i;
        const Element e =
            differentiate(seen.has(tile.key + fragment_row(v)),
                          {p(j, v), ds(j, v), lse, delta, tile.dropped.factor(j, v), tile.scale});
        p(j, v) = e.p;
        ds(j, v) = e.ds;
      }
    }
  }
}

template <int kD>
struct Gradients {
  Accumulator<kD> x, v;  // of x; and of V, in the keys' kernel
};

template <class K, int kD>
WEFT_DEVICE void differentiate_steps(const Call& a, Shared<kD>& s, const Walk& walk, FirstRows row,
                                     Gradients<kD>& g) {
  using C = Config<kD>;
  const unsigned consumer = warp_group_index() - 1;
  const typename K::Drops drops(a.w.a.shape, a.w.a.dropout, a.w.random,
                                {walk.b, walk.head, walk.first + row.of_warp});
  RowStats stats;
  if constexpr (!K::kOfKeys) stats.read(a.w, walk, row.of_warp);
  Scores64 p, ds;
  RingPlace<C::kStages> at;
  for (int step = 0; step < walk.steps; ++step, at.advance()) {
    wait(s.full[at.stage], at.parity);
    wgmma_fence(p, ds);
    multiply_rows<kD>(s.x, row.of_group, s.y[at.stage], p);
    multiply_rows<kD>(s.x2, row.of_group, s.y2[at.stage], ds);
    // Drawn while the products run.
    const Dropped dropped =
        drops.draw_tile({walk.head_of(step), walk.token(step), s.dropped[at.stage][consumer],
                         kDropsShown + consumer});
    wait_for_products<0>(p, ds);
    OperandA<64> left;
    if constexpr (K::kOfKeys) {
      differentiate_keys(s.stats[at.stage], {walk.first + row.of_warp, a.w.a.scale, dropped}, p,
                         ds);
      left.take(p);
      wgmma_fence(g.v);
      add_product(g.v, left, s.y2[at.stage], step == 0);
    } else {
      differentiate_queries(stats, {walk.token(step), a.w.a.scale, dropped}, p, ds);
    }
    OperandA<64> right;
    right.take(ds);
    wgmma_fence(g.x);
    add_product(g.x, right, s.y[at.stage], step == 0);
    if constexpr (K::kOfKeys) wait_for_products<0>(g.x, g.v);
    else wait_for_products<0>(g.x);
    if constexpr (K::kOfKeys)
      warp_barrier();  // every lane has read the statistics, not lane 0 alone
    release(s.empty[at.stage]);
  }
}

template <class K, int kD>
WEFT_DEVICE void consume(const Call& a, Shared<kD>& s, const Walk& walk) {
  using C = Config<kD>;
  const unsigned consumer = warp_group_index() - 1;
  const int first = static_cast<int>(consumer) * C::kRows;
  const int row = first + static_cast<int>(thread_of_group() / kWarp) * 16;
  Gradients<kD> g;
  wait(s.x_full, 0);
  if (walk.steps > 0) differentiate_steps<K>(a, s, walk, {first, row}, g);
  else clear(g.x), clear(g.v);

  put_rows(s.x, row, g.x);
  if constexpr (K::kOfKeys) put_rows(s.x2, row, g.v);
  fence_async_proxy();
  named_barrier(kOutputWritten + consumer, kWarpGroup);
  if (thread_of_group() != 0) return;
  const BoxPlace place{0, walk.head, walk.first + first, walk.b};
  store_rows(a.out, s.x, first, place);
  if constexpr (K::kOfKeys) store_rows(a.out2, s.x2, first, place);
  commit_boxes();
  wait_for_boxes_read<0>();
}

template <int kD, bool kOfKeys, bool kDropout>
WEFT_KERNEL(Config<kD>::kThreads, 1)
attention_backward_sm90_kernel(WEFT_GRID_CONSTANT Call a) {
  using C = Config<kD>;
  auto& s = shared_memory<Shared<kD>>();
  const Walk walk = begin_block<kD, kOfKeys>(a, s);
  if (warp_group_index() == 0) {
    give_registers_back<C::kRegistersToCopy>();
    if (warp_index() == 0) {
      if (elect_lane()) copy_tiles(a, s, walk);
    } else if (kOfKeys && warp_index() == 1) {
      write_stats(a.w, s, walk);
    }
  } else {
    take_registers<C::kRegistersToMultiply>();
    consume<Kind<kOfKeys, kDropout>>(a, s, walk);
  }
}

template <int kD, bool kDropout>
void launch_sm90(Stream stream, const Backward& w) {
  using C = Config<kD>;
  const AttentionBackward<BFloat16>& a = w.a;
  const AttentionShape& s = a.shape;
  const BackwardMaps maps{s, C::kSwizzle};
  constexpr Design kDesign{.threads = C::kThreads, .shared_bytes = sizeof(Shared<kD>)};
  const auto grid = [&](int64_t tokens, int64_t count) {
    return Grid{static_cast<unsigned>(ceil_div(tokens, C::kBlock)), static_cast<unsigned>(count),
                static_cast<unsigned>(s.B)};
  };
  attention_delta(stream, w);
  launch<attention_backward_sm90_kernel<kD, true, kDropout>, kDesign>(
      stream, grid(s.S, s.K), "attention_backward_keys_sm90",
      Call{maps.keys(a.k, C::kBlock), maps.keys(a.v, C::kBlock), maps.queries(a.q, C::kTokens),
           maps.queries(a.dout, C::kTokens), maps.keys(a.dk, C::kRows), maps.keys(a.dv, C::kRows),
           w});
  launch<attention_backward_sm90_kernel<kD, false, kDropout>, kDesign>(
      stream, grid(s.T, s.H), "attention_backward_queries_sm90",
      Call{maps.queries(a.q, C::kBlock),
           maps.queries(a.dout, C::kBlock),
           maps.keys(a.k, C::kTokens),
           maps.keys(a.v, C::kTokens),
           maps.queries(a.dq, C::kRows),
           {},
           w});
}

}  // namespace

bool attention_backward_sm90_fits(const AttentionBackwardOnDevice<BFloat16>& call) {
  const AttentionBackward<BFloat16>& a = call.args;
  const AttentionShape& s = a.shape;
  if (s.D > kMostHeadWidthCuda || s.S < 1) return false;
  const auto fits = [&](const auto& rows, int64_t count, int64_t tokens) {
    return tensor_map_fits(with_box(heads(rows, count, tokens, s), Swizzle::k128, 64));
  };
  return fits(a.q, s.H, s.T) && fits(a.dout, s.H, s.T) && fits(a.dq, s.H, s.T) &&
         fits(a.k, s.K, s.S) && fits(a.v, s.K, s.S) && fits(a.dk, s.K, s.S) && fits(a.dv, s.K, s.S);
}

void attention_backward_sm90(cuda::Stream stream, const Backward& w) {
  const int64_t width = w.a.shape.D;
  if (width > kMostWidth) return attention_backward_wide_sm90(stream, w);
  if (w.a.dropout.p > 0.0f) {  // widths as in the forward pass
    if (width <= 64) return launch_sm90<64, true>(stream, w);
    return launch_sm90<128, true>(stream, w);
  }
  if (width <= 64) return launch_sm90<64, false>(stream, w);
  if (width <= 96) return launch_sm90<96, false>(stream, w);
  launch_sm90<128, false>(stream, w);
}

}  // namespace weft::kernels
