// Attention backward for Hopper (sm_90a), heads of more than 128 and up to 256, padded to 256 by
// the zeros that boxes have outside the tensor; attention_backward.cu is its reference.
//
//   P = exp(scale Q K^T - lse), D the factors of dropout, delta_t = dout_t . out_t
//   dV = (P D)^T dout,  dS = P (D (dout V^T) - delta),  dQ = scale dS K,  dK = scale dS^T Q
//
// The two kernels of attention_backward_sm90.cu in another division of labour, for 64 rows of one
// gradient are 128 registers of a thread here, and no warp group has room for two.
//
// Keys: a block keeps 64 keys and their values and goes through all queries of all heads of its
// group, 64 at a time. One warp group computes scores, P and dV; it shows P to the other, which
// computes dP, dS and dK. P passes through shared memory in float, a thread's sums to the thread in
// the same place: nothing is rounded that is not elsewhere. With dropout the other draws, while its
// product runs, and shows the first what it drew.
//
// Queries: a block keeps 128 queries and their output gradients, 128 KiB, so that there is room for
// three tiles of 64 tokens and not for two pairs: V and K come by in turns. V is free again when
// dP is there, and the next K comes while dS is computed and multiplied.
//
// No block adds where another does: the bits are the same in every run, always. Numerics as there.
// Source: Shah et al., "FlashAttention-3", 2024.
#include "kernels/attention/attention_backward_wide_sm90.h"

#include <type_traits>

#include "kernels/attention/attention_backward_sm90_device.h"

namespace weft::kernels {
namespace {

using namespace attention_cuda;

// The model of its time on an H200, a multiprocessor and step of 64 tokens at D 256:
//                                                                     64 keys    128 queries
//   products      4 x 2 x 64 x 64 x 256 flops at 4,096 a clock, and
//                 3 x 2 x 128 x 64 x 256                              2,048      3,072 clocks
//   exponentials  a score each, 16 a clock                            256        512
//   the rest      about 10 instructions a score at 128 a clock        320        640
//   P shown       32 KiB at 128 bytes a clock                         256
//   copies        64 KiB at 33 bytes a clock                          1,986      1,986
// Products count, with copies nearly as long: 128 keys by 64 queries take 4,096 + 3,072 clocks for
// 5 products of 4 MFLOP that are needed, 707 TFLOP/s on 132 multiprocessors at 1.83 GHz. What one
// warp group of the keys' kernel waits for, P, is made while the other's last product runs.
//
// Dropout is 27 instructions a score for keys, with what either warp group does with the other's
// bits, and 21 for queries, as nvcc writes them: 864 and 1,344 clocks. With exponentials (32 and 64
// to issue) and the rest that is 1,216 and 2,048, under 2,048 and 3,072 of products, which go on
// counting. The keys' second warp group draws alone, beside the first's exponentials: 640 clocks
// while two products run, dP and the scores, of 512 each.
constexpr int kD = 256;
constexpr int kKeys = 64, kQueries = BlockSpan::kQueries;
constexpr int kConsumers = 2;
// As in attention_backward_sm90.cu.
constexpr unsigned kThreadsOfBlock = (1 + kConsumers) * kWarpGroup;
constexpr unsigned kRegistersToCopy = 40, kRegistersToMultiply = 232;

using WideTile = MatrixTile<kTile, kD>;

// Named barriers. Of both consumers: P is in shared memory; it was read. Of one: its gradient is.
constexpr unsigned kShown = 1, kSeen = 2, kOutputWritten = 3;
constexpr unsigned kBothConsumers = kConsumers * kWarpGroup;

// By the consumers' threads: what lies in 64 rows of a tile is the gradient of these tokens.
template <class Tile>
WEFT_DEVICE void store_gradient(const TensorMap& map, Tile& tile, int first_row,
                                Accumulator<kD>& sums, BoxPlace place) {
  put_rows(tile, first_row + static_cast<int>(thread_of_group() / kWarp) * 16, sums);
  fence_async_proxy();
  named_barrier(kOutputWritten + warp_group_index() - 1, kWarpGroup);
  if (thread_of_group() != 0) return;
  store_rows(map, tile, first_row, place);
  commit_boxes();
  wait_for_boxes_read<0>();
}

// ---- Keys ---------------------------------------------------------------------------------------

struct KeysShared {
  static constexpr int kStages = 2;
  WideTile k, v;  // dV at the end, and dK: each warp group writes where it alone has read
  WideTile q[kStages], dout[kStages];
  QueryStats stats[kStages];
  float shown[kTile * kTile / kWarpGroup][kWarpGroup];
  uint32_t dropped[kStages][kWarpGroup];  // with dropout
  Mbarrier own_full, full[kStages], empty[kStages];
  KeySpan tiles;
};

WEFT_DEVICE Walk begin_keys(const Call& a, KeysShared& s) {
  if (thread_index() == 0) {
    for (const TensorMap* map : {&a.x, &a.x2, &a.y, &a.y2}) prefetch(*map);
    init(s.own_full, 1);
    for (int i = 0; i < KeysShared::kStages; ++i) {
      init(s.full[i], 2);  // the copies, and the statistics
      init(s.empty[i], kConsumers * kWarpGroup / kWarp);
    }
    fence_mbarriers();
  }
  return walk_of_keys<kKeys>(a.w, &s.tiles);
}

WEFT_DEVICE void copy_queries(const Call& a, KeysShared& s, const Walk& walk) {
  arrive_and_expect(s.own_full, s.k.bytes() + s.v.bytes());
  load_tile(s.k, a.x, {0, walk.head, walk.first, walk.b}, s.own_full);
  load_tile(s.v, a.x2, {0, walk.head, walk.first, walk.b}, s.own_full);
  RingPlace<KeysShared::kStages> at;
  for (int step = 0; step < walk.steps; ++step, at.advance()) {
    const BoxPlace place{0, walk.head_of(step), walk.token(step), walk.b};
    wait(s.empty[at.stage], at.parity ^ 1u);
    arrive_and_expect(s.full[at.stage], s.q[0].bytes() + s.dout[0].bytes());
    load_tile(s.q[at.stage], a.y, place, s.full[at.stage]);
    load_tile(s.dout[at.stage], a.y2, place, s.full[at.stage]);
  }
}

// Scores become P; a row is a key, the warp's first is `key`.
WEFT_DEVICE void find_probabilities(const QueryStats& stats, int key, float scale, Scores64& p) {
  WEFT_UNROLL
  for (int j = 0; j < 8; ++j) {
    WEFT_UNROLL
    for (int i = 0; i < 2; ++i) {
      const int query = j * 8 + fragment_column(i);
      const KeySpan seen = load(&stats.seen[query]);
      const float lse = load(&stats.lse[query]);
      WEFT_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int v = 2 * half + i;
        const float probability = fast_exp2(p(j, v) * scale * kLog2E - lse);
        p(j, v) = seen.has(key + fragment_row(v)) ? probability : 0.0f;
      }
    }
  }
}

// dP becomes dS, with what the thread in the same place of the other warp group shows.
struct ShownTile {
  float scale;
  Dropped dropped;
};
WEFT_DEVICE void differentiate_shown(const KeysShared& s, const QueryStats& stats,
                                     const ShownTile& tile, Scores64& ds) {
  WEFT_UNROLL
  for (int j = 0; j < 8; ++j) {
    WEFT_UNROLL
    for (int v = 0; v < 4; ++v) {
      const float p = load(&s.shown[4 * j + v][thread_of_group()]);
      const float delta = load(&stats.delta[j * 8 + fragment_column(v)]);
      const float gradient = p * (ds(j, v) * tile.dropped.factor(j, v) - delta) * tile.scale;
      ds(j, v) = p == 0.0f ? 0.0f : gradient;  // what is not seen may be anything
    }
  }
}

WEFT_DEVICE int first_key_of_warp(const Walk& walk) {
  return walk.first + static_cast<int>(thread_of_group() / kWarp) * 16;
}

template <class Drops>
inline constexpr bool kDropout = !std::is_same_v<Drops, NoDrops>;

template <class Drops>
WEFT_DEVICE Drops drops_of(const Call& a, const Walk& walk) {
  return {a.w.a.shape, a.w.a.dropout, a.w.random, {walk.b, walk.head, first_key_of_warp(walk)}};
}

// P is shown to the second warp group, and becomes P D by what that has drawn.
template <class Drops>
WEFT_DEVICE void show_probabilities(KeysShared& s, int stage, const Drops& drops, Scores64& p) {
  WEFT_UNROLL
  for (int i = 0; i < 32; ++i) store(&s.shown[i][thread_of_group()], p(i / 4, i % 4));
  if constexpr (kDropout<Drops>) {
    named_barrier(kShown, kBothConsumers);
    const Dropped dropped = drops.read(s.dropped[stage]);
    WEFT_UNROLL
    for (int i = 0; i < 32; ++i) p(i / 4, i % 4) *= dropped.factor(i / 4, i % 4);
  } else {
    named_barrier_arrive(kShown, kBothConsumers);
  }
}

// The first warp group: P, shown to the second, and dV.
template <class Drops>
WEFT_DEVICE void differentiate_values(const Call& a, KeysShared& s, const Walk& walk) {
  const auto drops = drops_of<Drops>(a, walk);
  Accumulator<kD> dv;
  if (walk.steps == 0) clear(dv);
  Scores64 p;
  RingPlace<KeysShared::kStages> at;
  for (int step = 0; step < walk.steps; ++step, at.advance()) {
    wait(s.full[at.stage], at.parity);
    wgmma_fence(p);
    multiply_rows<kD>(s.k, 0, s.q[at.stage], p);
    wait_for_products<0>(p);
    find_probabilities(s.stats[at.stage], first_key_of_warp(walk), a.w.a.scale, p);
    if (step > 0) named_barrier(kSeen, kBothConsumers);
    show_probabilities(s, at.stage, drops, p);
    OperandA<kTile> left;
    left.take(p);
    wgmma_fence(dv);
    add_product(dv, left, s.dout[at.stage], step == 0);
    wait_for_products<0>(dv);
    warp_barrier();  // every lane has read the statistics, not lane 0 alone
    release(s.empty[at.stage]);
  }
  store_gradient(a.out2, s.k, 0, dv, {0, walk.head, walk.first, walk.b});
}

// The second: dS of what it is shown, and dK.
template <class Drops>
WEFT_DEVICE void differentiate_keys(const Call& a, KeysShared& s, const Walk& walk) {
  Accumulator<kD> dk;
  if (walk.steps == 0) clear(dk);
  const auto drops = drops_of<Drops>(a, walk);
  Scores64 ds;
  RingPlace<KeysShared::kStages> at;
  for (int step = 0; step < walk.steps; ++step, at.advance()) {
    wait(s.full[at.stage], at.parity);
    wgmma_fence(ds);
    multiply_rows<kD>(s.v, 0, s.dout[at.stage], ds);
    // Drawn while the product runs; read by both after the barrier, and written again after the
    // next step's.
    drops.show({walk.head_of(step), walk.token(step), s.dropped[at.stage]});
    wait_for_products<0>(ds);
    named_barrier(kShown, kBothConsumers);
    differentiate_shown(s, s.stats[at.stage], {a.w.a.scale, drops.read(s.dropped[at.stage])}, ds);
    if (step + 1 < walk.steps) named_barrier_arrive(kSeen, kBothConsumers);
    OperandA<kTile> right;
    right.take(ds);
    wgmma_fence(dk);
    add_product(dk, right, s.q[at.stage], step == 0);
    wait_for_products<0>(dk);
    warp_barrier();  // as above
    release(s.empty[at.stage]);
  }
  store_gradient(a.out, s.v, 0, dk, {0, walk.head, walk.first, walk.b});
}

template <class Drops>
WEFT_KERNEL(kThreadsOfBlock, 1)
attention_backward_wide_keys_sm90_kernel(WEFT_GRID_CONSTANT Call a) {
  auto& s = shared_memory<KeysShared>();
  const Walk walk = begin_keys(a, s);
  if (warp_group_index() == 0) {
    give_registers_back<kRegistersToCopy>();
    if (warp_index() == 0) {
      if (elect_lane()) copy_queries(a, s, walk);
    } else if (warp_index() == 1) {
      write_stats(a.w, s, walk);
    }
  } else {
    take_registers<kRegistersToMultiply>();
    wait(s.own_full, 0);
    if (warp_group_index() == 1) differentiate_values<Drops>(a, s, walk);
    else differentiate_keys<Drops>(a, s, walk);
  }
}

// ---- Queries ------------------------------------------------------------------------------------

struct QueriesShared {
  static constexpr int kStages = 3;
  MatrixTile<kQueries, kD> q, dout;  // dQ at the end, where Q was
  WideTile tokens[kStages];          // V, K, V, ... of step after step
  Mbarrier own_full, full[kStages], empty[kStages];
  BlockSpan span;
};

WEFT_DEVICE Walk begin_queries(const Call& a, QueriesShared& s) {
  if (thread_index() == 0) {
    for (const TensorMap* map : {&a.x, &a.x2, &a.y, &a.y2}) prefetch(*map);
    init(s.own_full, 1);
    for (int i = 0; i < QueriesShared::kStages; ++i) {
      init(s.full[i], 1);
      init(s.empty[i], kConsumers * kWarpGroup / kWarp);
    }
    fence_mbarriers();
  }
  return walk_of_queries(a.w, s.span);
}

WEFT_DEVICE void copy_keys(const Call& a, QueriesShared& s, const Walk& walk) {
  arrive_and_expect(s.own_full, s.q.bytes() + s.dout.bytes());
  load_tile(s.q, a.x, {0, walk.head, walk.first, walk.b}, s.own_full);
  load_tile(s.dout, a.x2, {0, walk.head, walk.first, walk.b}, s.own_full);
  RingPlace<QueriesShared::kStages> at;
  for (int step = 0; step < walk.steps; ++step) {
    const BoxPlace place{0, walk.head_of(step), walk.token(step), walk.b};
    for (const TensorMap* map : {&a.y2, &a.y}) {
      wait(s.empty[at.stage], at.parity ^ 1u);
      arrive_and_expect(s.full[at.stage], s.tokens[0].bytes());
      load_tile(s.tokens[at.stage], *map, place, s.full[at.stage]);
      at.advance();
    }
  }
}

// 64 queries of each warp group.
template <class Drops>
WEFT_DEVICE void differentiate_queries(const Call& a, QueriesShared& s, const Walk& walk) {
  const int row = static_cast<int>(warp_group_index() - 1) * kTile;
  const int row_of_warp = row + static_cast<int>(thread_of_group() / kWarp) * 16;
  const Drops drops(a.w.a.shape, a.w.a.dropout, a.w.random,
                    {walk.b, walk.head, walk.first + row_of_warp});
  RowStats stats;
  stats.read(a.w, walk, row_of_warp);
  Accumulator<kD> dq;
  if (walk.steps == 0) clear(dq);
  Scores64 p, ds;
  RingPlace<QueriesShared::kStages> at;
  for (int step = 0; step < walk.steps; ++step, at.advance()) {
    const RingPlace<QueriesShared::kStages> of_v = at;
    at.advance();
    wait(s.full[of_v.stage], of_v.parity);
    wgmma_fence(ds);
    multiply_rows<kD>(s.dout, row, s.tokens[of_v.stage], ds);
    wait(s.full[at.stage], at.parity);
    wgmma_fence(p);
    multiply_rows<kD>(s.q, row, s.tokens[at.stage], p);
    const Dropped dropped = drops.draw_tile({walk.head, walk.token(step)});
    wait_for_products<1>(ds);
    release(s.empty[of_v.stage]);
    wait_for_products<0>(p);
    attention_cuda::differentiate_queries(stats, {walk.token(step), a.w.a.scale, dropped}, p, ds);
    OperandA<kTile> right;
    right.take(ds);
    wgmma_fence(dq);
    add_product(dq, right, s.tokens[at.stage], step == 0);
    wait_for_products<0>(dq);
    release(s.empty[at.stage]);
  }
  store_gradient(a.out, s.q, row, dq, {0, walk.head, walk.first + row, walk.b});
}

template <class Drops>
WEFT_KERNEL(kThreadsOfBlock, 1)
attention_backward_wide_queries_sm90_kernel(WEFT_GRID_CONSTANT Call a) {
  auto& s = shared_memory<QueriesShared>();
  const Walk walk = begin_queries(a, s);
  if (warp_group_index() == 0) {
    give_registers_back<kRegistersToCopy>();
    if (warp_index() == 0 && elect_lane()) copy_keys(a, s, walk);
  } else {
    take_registers<kRegistersToMultiply>();
    wait(s.own_full, 0);
    differentiate_queries<Drops>(a, s, walk);
  }
}

template <class OfKeys, class OfQueries>
void launch_wide(Stream stream, const Backward& w) {
  const AttentionBackward<BFloat16>& a = w.a;
  const AttentionShape& s = a.shape;
  const BackwardMaps maps{s, Swizzle::k128};
  const auto blocks = [&](int64_t tokens, int64_t each, int64_t heads_of_them) {
    return Grid{static_cast<unsigned>(ceil_div(tokens, each)), static_cast<unsigned>(heads_of_them),
                static_cast<unsigned>(s.B)};
  };
  constexpr Design kKeysDesign{.threads = kThreadsOfBlock, .shared_bytes = sizeof(KeysShared)};
  constexpr Design kQueriesDesign{.threads = kThreadsOfBlock,
                                  .shared_bytes = sizeof(QueriesShared)};
  attention_delta(stream, w);
  launch<attention_backward_wide_keys_sm90_kernel<OfKeys>, kKeysDesign>(
      stream, blocks(s.S, kKeys, s.K), "attention_backward_wide_keys_sm90",
      Call{maps.keys(a.k, kKeys), maps.keys(a.v, kKeys), maps.queries(a.q, kTile),
           maps.queries(a.dout, kTile), maps.keys(a.dk, kKeys), maps.keys(a.dv, kKeys), w});
  launch<attention_backward_wide_queries_sm90_kernel<OfQueries>, kQueriesDesign>(
      stream, blocks(s.T, kQueries, s.H), "attention_backward_wide_queries_sm90",
      Call{maps.queries(a.q, kQueries),
           maps.queries(a.dout, kQueries),
           maps.keys(a.k, kTile),
           maps.keys(a.v, kTile),
           maps.queries(a.dq, kTile),
           {},
           w});
}

}  // namespace

void attention_backward_wide_sm90(cuda::Stream stream, const Backward& w) {
  if (w.a.dropout.p > 0.0f) launch_wide<DropsOfKeys, DropsOfQueries>(stream, w);
  else launch_wide<NoDrops, NoDrops>(stream, w);
}

}  // namespace weft::kernels
