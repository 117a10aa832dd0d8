// Attention forward for Hopper (sm_90a); attention.cu is its reference, and what runs elsewhere.
//
//   out = dropout(softmax(scale Q K^T)) V,  lse = log sum exp(scale Q K^T), over the keys each
//   query sees (attention.h: causal, window, ranges; grouped heads; strides as they come)
//
// A block has 128 queries of one head. One warp group copies: boxes of queries, then of keys and
// values through two rings of two stages, each stage with an mbarrier that says it is full and one
// that says it is empty. Two warp groups have 64 queries each: scores S = Q K^T are 64 x kKeys
// sums in registers, P = exp S goes back into the tensor cores as operand A from registers. While
// the products of one step run, S of tile i + 1 and O += P V of tile i, the other warp group takes
// exponentials: they pass the tensor cores to one another (ping-pong), and within a warp group the
// exponentials of S overlap with P V of the tile before. The output leaves through the queries'
// tile as boxes, which leave out what is past the last query or the head's width. Head widths are
// padded to 64, 96, 128 or 256 by the zeros that boxes have outside the tensor.
//
// Numerics: scores and sums in float, exponentials in base 2, probabilities rounded to bfloat16 for
// the second product, the sum of the unrounded ones; what dropout keeps is scaled with the sum, in
// float. One order of keys: the shape alone fixes bits.
// Source: Shah et al., "FlashAttention-3", 2024; Dao, "FlashAttention-2", 2023.
#include "kernels/attention/attention_sm90.h"

#include "kernels/attention/attention_dropout_sm90.h"
#include "kernels/attention/attention_sm90_device.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

using namespace attention_cuda;

// The model of its time on an H200, a multiprocessor and step of 128 queries and 128 keys at D 128:
//   products      2 x 2 x 128 x 128 x 128 flops at 4,096 a clock               2,048 clocks
//   exponentials  128 x 128 at 16 a clock                                      1,024
//   the rest      about 4 instructions a score at 128 a clock                    512
//   copies        64 KiB of K and V at the 33 bytes a clock that a product
//                 of tiles of 128 x 256 without clusters is known to get     1,990
// With two warp groups by turns, the exponentials and the rest of one (768) hide under the products
// of the other (1,024), and the copies just keep up. 128 queries a block is what registers allow (O
// and S are 64 floats each of a thread's 240, P 32); sharing tiles between two blocks of a cluster
// would halve the copies. At D 64 products are 1,024 clocks, exponentials and the rest 1,536: bound
// by those, 660 of 989 TFLOP/s. A wider tile of keys would save barriers, and has no registers; a
// narrower one rescales O more often.
//
// Dropout is 15 instructions a score, as nvcc writes them: 5 multiplications of 32 by 32 bits and 5
// exclusive ors for a quarter of ten rounds of Philox, 2 to decide, the rest to count:
//   dropout       128 x 128 x 15 at 128 a clock                                1,920
//   of these 5 multiplications at 64 a clock                                   1,280
// With exponentials (128 to issue) and the rest 2,560 clocks, under which products hide: 790
// TFLOP/s, and 395 at D 64; at D 256 they hide under 4,096 clocks of products. Were multiplications
// half as fast they would count, 2,560 of their own.
template <int kD>
struct Config {
  static constexpr int kQueries = 128, kConsumers = 2, kRows = kQueries / kConsumers;
  // At D 256 O is 128 registers, and two stages of K and V of 64 with Q are 192 of 227 KiB.
  static constexpr int kKeys = kD <= 128 ? 128 : 64;
  // Panels of 128 bytes are what copies and products are fastest with; 96 is made of 64-byte ones.
  static constexpr Swizzle kSwizzle = kD % 64 == 0 ? Swizzle::k128 : Swizzle::k64;
  static constexpr int kStages = 2;
  // 24 + 2 x 240 registers of 128 threads are 63 of 64 Ki: the copying warp group needs few.
  static constexpr unsigned kThreads = (1 + kConsumers) * kWarpGroup;
  static constexpr unsigned kRegistersToCopy = 24, kRegistersToMultiply = 240;
};

// Named barriers: whose turn it is at the tensor cores, and whose output is in its tile.
constexpr unsigned kTurn = 1, kOutputWritten = 3;

struct HopperForward {
  TensorMap q, k, v, out;
  AttentionShape shape;
  AttentionMask mask;
  AttentionDropout dropout;
  AttentionRandom random;
  float scale;
  float* lse_BHT;
};

template <int kD>
struct Shared {
  using C = Config<kD>;
  MatrixTile<C::kQueries, kD, C::kSwizzle> q;  // the output at the end
  MatrixTile<C::kKeys, kD, C::kSwizzle> k[C::kStages], v[C::kStages];
  Mbarrier q_full, k_full[C::kStages], k_empty[C::kStages], v_full[C::kStages], v_empty[C::kStages];
  BlockSpan seen;
};

// The block's place, and its walk over tiles of keys.
struct Walk {
  int b, head, key_head, first;  // first query
  int begin, steps;              // first key, tiles

  template <int kKeys>
  WEFT_DEVICE int key(int step) const {
    return begin + step * kKeys;
  }
};

// One thread makes the mbarriers, the first warp group finds out which keys the block sees.
template <int kD>
WEFT_DEVICE Walk begin_block(const HopperForward& a, Shared<kD>& s) {
  using C = Config<kD>;
  if (thread_index() == 0) {
    for (const TensorMap* map : {&a.q, &a.k, &a.v}) prefetch(*map);
    init(s.q_full, 1);
    for (int i = 0; i < C::kStages; ++i) {
      init(s.k_full[i], 1);
      init(s.v_full[i], 1);
      init(s.k_empty[i], C::kConsumers * kWarpGroup / kWarp);
      init(s.v_empty[i], C::kConsumers * kWarpGroup / kWarp);
    }
    fence_mbarriers();
  }
  const int head = static_cast<int>(block_index().y), b = static_cast<int>(block_index().z);
  // The last queries see most keys where the mask is causal: they begin first.
  const int first = static_cast<int>(grid_size().x - 1 - block_index().x) * C::kQueries;
  const KeySpan seen = span_of_queries(a.shape, a.mask, {b, first}, s.seen);
  const int begin = seen.begin / C::kKeys * C::kKeys;
  const int steps = seen.begin < seen.end ? ceil_div(seen.end - begin, C::kKeys) : 0;
  const int key_head = head * static_cast<int>(a.shape.K) / static_cast<int>(a.shape.H);
  return {b, head, key_head, first, begin, steps};
}

// By one thread: all that the block reads.
template <int kD>
WEFT_DEVICE void copy_tiles(const HopperForward& a, Shared<kD>& s, const Walk& walk) {
  using C = Config<kD>;
  arrive_and_expect(s.q_full, s.q.bytes());
  load_tile(s.q, a.q, {0, walk.head, walk.first, walk.b}, s.q_full);
  RingPlace<C::kStages> at;
  for (int step = 0; step < walk.steps; ++step, at.advance()) {
    const BoxPlace place{0, walk.key_head, walk.key<C::kKeys>(step), walk.b};
    wait(s.k_empty[at.stage], at.parity ^ 1u);
    arrive_and_expect(s.k_full[at.stage], s.k[0].bytes());
    load_tile(s.k[at.stage], a.k, place, s.k_full[at.stage]);
    wait(s.v_empty[at.stage], at.parity ^ 1u);
    arrive_and_expect(s.v_full[at.stage], s.v[0].bytes());
    load_tile(s.v[at.stage], a.v, place, s.v_full[at.stage]);
  }
}

// A lane's part of a warp group's 64 rows: rows g and g + 8 of its warp's 16.
struct Softmax {
  KeySpan seen[2];
  float scale;  // to base 2
  float max[2] = {-INFINITY, -INFINITY}, sum[2] = {};
  float correction[2] = {};  // of what was summed under the maximum before

  // Hides what a row does not see of the keys from `key` on.
  template <int kKeys>
  WEFT_DEVICE void hide(Accumulator<kKeys>& scores, int half, int key) const {
    if (seen[half].begin <= key && key + kKeys <= seen[half].end) return;
    WEFT_UNROLL
    for (int j = 0; j < kKeys / 8; ++j) {
      WEFT_UNROLL
      for (int i = 0; i < 2; ++i) {
        if (!seen[half].has(key + j * 8 + fragment_column(i))) scores(j, 2 * half + i) = -INFINITY;
      }
    }
  }

  // Scores become exponentials under the new maximum.
  template <int kKeys>
  WEFT_DEVICE void take(Accumulator<kKeys>& scores, int key) {
    WEFT_UNROLL
    for (int half = 0; half < 2; ++half) {
      hide(scores, half, key);
      float now = max[half];
      WEFT_UNROLL
      for (int j = 0; j < kKeys / 8; ++j) {
        now = Max{}(now, Max{}(scores(j, 2 * half), scores(j, 2 * half + 1)));
      }
      now = reduce_lanes<4>(now, Max{});
      const float base = now == -INFINITY ? 0.0f : now * scale;  // a row that has seen nothing yet
      correction[half] = fast_exp2(max[half] * scale - base);
      float added = 0.0f;
      WEFT_UNROLL
      for (int j = 0; j < kKeys / 8; ++j) {
        WEFT_UNROLL
        for (int i = 0; i < 2; ++i) {
          float& x = scores(j, 2 * half + i);
          x = fast_exp2(x * scale - base);
          added += x;
        }
      }
      max[half] = now;
      sum[half] = sum[half] * correction[half] + added;
    }
  }

  template <int kD>
  WEFT_DEVICE void rescale(Accumulator<kD>& out, const float (&factor)[2]) const {
    WEFT_UNROLL
    for (int j = 0; j < kD / 8; ++j) {
      WEFT_UNROLL
      for (int v = 0; v < 4; ++v) out(j, v) *= factor[v / 2];
    }
  }
};

// S = Q K^T of the warp group's rows and a tile of keys: issued.
template <int kD>
WEFT_DEVICE void multiply_keys(Shared<kD>& s, int stage, int row,
                               Accumulator<Config<kD>::kKeys>& scores) {
  WEFT_UNROLL
  for (int d = 0; d < kD; d += 16) {
    multiply<Major::kK, Major::kK>(scores, s.q.rows_by_k(row, d), s.k[stage].rows_by_k(0, d),
                                   d > 0);
  }
  commit_products();
}

// O += P V: issued. `first`: O = P V.
template <int kD>
WEFT_DEVICE void multiply_values(Shared<kD>& s, int stage, bool first,
                                 const OperandA<Config<kD>::kKeys>& p, Accumulator<kD>& out) {
  WEFT_UNROLL
  for (int k = 0; k < Config<kD>::kKeys; k += 16) {
    multiply<Major::kMN>(out, p.part[k / 16], s.v[stage].columns_by_k(k, 0), !first || k > 0);
  }
  commit_products();
}

// The warp groups take turns at issuing products. The second lets the first begin.
struct Turns {
  unsigned me;  // 0 or 1

  WEFT_DEVICE explicit Turns(unsigned consumer) : me(consumer) {
    if (me == 1) end();
  }
  WEFT_DEVICE void begin() const { named_barrier(kTurn + me, 2 * kWarpGroup); }
  WEFT_DEVICE void end() const { named_barrier_arrive(kTurn + 1 - me, 2 * kWarpGroup); }
};

// Exponentials of dropped keys become 0, after they were summed.
template <int kKeys, class Drops>
WEFT_DEVICE void drop(const Drops& drops, int key, Accumulator<kKeys>& p) {
  WEFT_UNROLL
  for (int part = 0; part < kKeys; part += kTile) {
    drops.draw(key + part, [&](int block, int v) { p(part / 8 + block, v) = 0.0f; });
  }
}

// Walks over the tiles of keys: out and the softmax's sums are whole at the end.
template <int kD, class Drops>
WEFT_DEVICE void attend(Shared<kD>& s, const Walk& walk, const Drops& drops, Softmax& softmax,
                        Accumulator<kD>& out) {
  using C = Config<kD>;
  const unsigned consumer = warp_group_index() - 1;
  const int row = static_cast<int>(consumer) * C::kRows;
  const Turns turns(consumer);
  Accumulator<C::kKeys> scores;
  OperandA<C::kKeys> p;
  RingPlace<C::kStages> at, before;  // of this step's keys, and of the values that follow

  wait(s.q_full, 0);
  wait(s.k_full[0], 0);
  wgmma_fence(scores);
  multiply_keys(s, 0, row, scores);
  wait_for_products<0>(scores);
  release(s.k_empty[0]);
  softmax.take(scores, walk.begin);
  drop(drops, walk.begin, scores);
  p.take(scores);
  at.advance();
  for (int step = 1; step < walk.steps; ++step, at.advance(), before.advance()) {
    wait(s.k_full[at.stage], at.parity);
    turns.begin();
    wgmma_fence(scores);
    multiply_keys(s, at.stage, row, scores);
    wait(s.v_full[before.stage], before.parity);
    wgmma_fence(out);
    multiply_values(s, before.stage, step == 1, p, out);
    turns.end();
    wait_for_products<1>(scores);
    release(s.k_empty[at.stage]);
    softmax.take(scores, walk.key<C::kKeys>(step));
    drop(drops, walk.key<C::kKeys>(step), scores);
    wait_for_products<0>(out);
    release(s.v_empty[before.stage]);
    softmax.rescale(out, softmax.correction);
    p.take(scores);
  }
  wait(s.v_full[before.stage], before.parity);
  wgmma_fence(out);
  multiply_values(s, before.stage, walk.steps == 1, p, out);
  wait_for_products<0>(out);
}

// Divides by the sums and writes log-sum-exp. `keep`: what dropout multiplies with.
template <int kD>
WEFT_DEVICE void finish_rows(const HopperForward& a, const WarpRows& rows, float keep,
                             Softmax& softmax, Accumulator<kD>& out) {
  float inverse[2];
  WEFT_UNROLL
  for (int half = 0; half < 2; ++half) {
    const float sum = reduce_lanes<4>(softmax.sum[half], Add{});
    inverse[half] = sum > 0.0f ? keep / sum : 0.0f;
    const int64_t t = rows.first + fragment_row(2 * half);
    if (a.lse_BHT == nullptr || t >= a.shape.T || lane_index() % 4 != 0) continue;
    const float lse =
        sum > 0.0f ? (softmax.max[half] * softmax.scale + fast_log2(sum)) / kLog2E : -INFINITY;
    cuda::store(a.lse_BHT + (rows.b * a.shape.H + rows.head) * a.shape.T + t, lse);
  }
  softmax.rescale(out, inverse);
}

// The warp group's rows, through the tile of its queries, which nobody reads any more.
template <int kD>
WEFT_DEVICE void write_rows(const HopperForward& a, Shared<kD>& s, const Walk& walk,
                            unsigned consumer, Accumulator<kD>& out) {
  using C = Config<kD>;
  const int first = static_cast<int>(consumer) * C::kRows;
  const int row = first + static_cast<int>(thread_of_group() / kWarp) * 16;
  put_rows(s.q, row, out);
  fence_async_proxy();
  named_barrier(kOutputWritten + consumer, kWarpGroup);
  if (thread_of_group() != 0) return;
  store_rows(a.out, s.q, first, {0, walk.head, walk.first + first, walk.b});
  commit_boxes();
  wait_for_boxes_read<0>();
}

template <int kD, class Drops>
WEFT_DEVICE void consume(const HopperForward& a, Shared<kD>& s, const Walk& walk) {
  using C = Config<kD>;
  const unsigned consumer = warp_group_index() - 1;
  const int row =
      static_cast<int>(consumer) * C::kRows + static_cast<int>(thread_of_group() / kWarp) * 16;
  const WarpRows rows{walk.b, walk.head, walk.first + row};
  const Drops drops(a.shape, a.dropout, a.random, rows);
  Softmax softmax{.scale = a.scale * kLog2E};
  for (int half = 0; half < 2; ++half) {
    const int64_t t = rows.first + fragment_row(2 * half);
    if (t < a.shape.T) softmax.seen[half] = visible_keys(a.shape, a.mask, walk.b, t);
  }
  Accumulator<kD> out;
  if (walk.steps > 0) {
    attend(s, walk, drops, softmax, out);
  } else {
    wait(s.q_full, 0);  // the output goes through its tile
    WEFT_UNROLL
    for (int i = 0; i < kD / 2; ++i) out(i / 4, i % 4) = 0.0f;
  }
  finish_rows(a, rows, drops.keep(), softmax, out);
  write_rows(a, s, walk, consumer, out);
}

template <int kD, class Drops>
WEFT_KERNEL(Config<kD>::kThreads, 1)
attention_forward_sm90_kernel(WEFT_GRID_CONSTANT HopperForward a) {
  using C = Config<kD>;
  auto& s = shared_memory<Shared<kD>>();
  const Walk walk = begin_block(a, s);
  if (warp_group_index() == 0) {
    give_registers_back<C::kRegistersToCopy>();
    if (warp_index() == 0 && elect_lane()) copy_tiles(a, s, walk);
  } else {
    take_registers<C::kRegistersToMultiply>();
    consume<kD, Drops>(a, s, walk);
  }
}

template <int kD, class Drops>
void launch_sm90(Stream stream, const AttentionForwardOnDevice<BFloat16>& call) {
  using C = Config<kD>;
  const AttentionForward<BFloat16>& a = call.args;
  const AttentionShape& s = a.shape;
  const auto map = [&](const auto& rows, int64_t count, int64_t tokens, int box) {
    return make_tensor_map(with_box(heads(rows, count, tokens, s), C::kSwizzle, box));
  };
  const HopperForward args{map(a.q, s.H, s.T, C::kQueries),
                           map(a.k, s.K, s.S, C::kKeys),
                           map(a.v, s.K, s.S, C::kKeys),
                           map(a.out, s.H, s.T, C::kRows),
                           s,
                           a.mask,
                           a.dropout,
                           call.random,
                           a.scale,
                           a.lse_BHT};
  const Grid grid{static_cast<unsigned>(ceil_div(s.T, C::kQueries)), static_cast<unsigned>(s.H),
                  static_cast<unsigned>(s.B)};
  constexpr Design kDesign{.threads = C::kThreads, .shared_bytes = sizeof(Shared<kD>)};
  launch<attention_forward_sm90_kernel<kD, Drops>, kDesign>(stream, grid, "attention_forward_sm90",
                                                            args);
}

}  // namespace

bool attention_sm90_fits(const AttentionForwardOnDevice<BFloat16>& call) {
  const AttentionForward<BFloat16>& a = call.args;
  const AttentionShape& s = a.shape;
  if (s.D > kMostHeadWidthCuda || !(a.scale > 0.0f) || s.S < 1) return false;
  const auto fits = [&](const auto& rows, int64_t count, int64_t tokens) {
    return tensor_map_fits(with_box(heads(rows, count, tokens, s), Swizzle::k128, 64));
  };
  return fits(a.q, s.H, s.T) && fits(a.k, s.K, s.S) && fits(a.v, s.K, s.S) && fits(a.out, s.H, s.T);
}

void attention_forward_sm90(cuda::Stream stream, const AttentionForwardOnDevice<BFloat16>& call) {
  WEFT_ASSERT(attention_sm90_fits(call));
  const AttentionShape& s = call.args.shape;
  if (s.B == 0 || s.T == 0) return;
  if (call.args.dropout.p > 0.0f) {
    // Published models whose attention drops have heads of 64 or 128; those between take 128's.
    if (s.D <= 64) return launch_sm90<64, DropsOfQueries>(stream, call);
    if (s.D <= 128) return launch_sm90<128, DropsOfQueries>(stream, call);
    return launch_sm90<256, DropsOfQueries>(stream, call);
  }
  if (s.D <= 64) return launch_sm90<64, NoDrops>(stream, call);
  if (s.D <= 96) return launch_sm90<96, NoDrops>(stream, call);
  if (s.D <= 128) return launch_sm90<128, NoDrops>(stream, call);
  launch_sm90<256, NoDrops>(stream, call);
}

}  // namespace weft::kernels
