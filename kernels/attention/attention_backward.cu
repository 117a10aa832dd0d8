// Attention backward on a GPU for sm_80 and everything after; the reference of the Hopper kernel.
//
//   P = exp(scale Q K^T - lse), D the factors of dropout, delta_t = dout_t . out_t
//   dV = (P D)^T dout,  dS = P (D (dout V^T) - delta),  dQ = scale dS K,  dK = scale dS^T Q
//
// Three kernels, none of which adds where another does, so that gradients have the same bits in
// every run: (1) delta, and which keys each tile of queries sees; (2) dK and dV: a block has 64
// keys of one key/value head and goes through the queries of all heads of its group, with S^T = K
// Q^T so that P^T and dS^T are operands as they leave the tensor cores; (3) dQ: a block has 64
// queries and goes through their keys. P is computed twice, 7 products in place of 5: the price of
// having no atomics and no second pass over partial sums.
//
// Where heads are wider than 128, a block writes 128 columns: two of them fit no registers.
// Numerics: as forward; P and dS are rounded to bfloat16 for the second products.
// Source: Dao, "FlashAttention-2", 2023; the split into two kernels is Triton's tutorial's.
#include <string>

#include "kernels/attention/attention_backward_device.h"
#include "kernels/attention/attention_backward_sm90.h"
#include "kernels/attention/attention_cuda.h"
#include "kernels/cuda/tensor_map.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

using namespace attention_cuda;

// The model of its time on an H200, a multiprocessor and step of 64 keys and 64 queries at D 128:
//                                                                          keys    queries
//   products      4 and 3 x 2 x 64 x 64 x 128 flops at 2,576 a clock       1,628   1,221 clocks
//   operands      4 warps x 72 and 56 KiB of tiles at 128 bytes a clock    2,304   1,792
//   exponentials  64 x 64 at 16 a clock                                    256     256
//   the rest      about 12 instructions a score at 128 a clock             384     384
//   copies        32 KiB at 33 bytes a clock                               993     993
// (72 KiB: twice 4 of the block's side and 16 of the other for scores and dP, twice 16 for dV and
// dK. Rates are attention.cu's.) Two blocks a multiprocessor; operands count. A pair of tiles takes
// 4,096 clocks for 5 products of 1 MFLOP that are needed: 309 TFLOP/s; on an A100, which holds one
// block and whose products take 2,048 and 1,536, at most 62 % of the peak. Tiles of 64 because dK
// and dV of 16 keys a warp are 128 sums of a thread; see budget.txt.
//
// Columns of gradients that a block writes, and stages of the ring: at a width of 256 two tiles
// that stay and two that come are 128 KiB.
template <int kD>
constexpr int kColumns = kD < 128 ? kD : 128;
template <int kD>
constexpr int kStages = kD <= 128 ? 2 : 1;

// Deltas, a warp a query; the block of head 0 also notes what its tile sees.
WEFT_KERNEL(kThreads) attention_delta_kernel(Backward w) {
  const AttentionShape& s = w.a.shape;
  const int64_t tile = block_index().x, head = block_index().y, b = block_index().z;
  TileSees& sees = shared_memory<TileSees>();
  const KeySpan seen = sees.fill(s, w.a.mask, b, tile * kTile);
  if (head == 0 && thread_index() == 0) store(w.sees + b * w.tiles + tile, seen);
  for (int i = static_cast<int>(warp_index()); i < kTile; i += static_cast<int>(warp_count())) {
    const int64_t t = tile * kTile + i;
    if (t >= s.T) break;
    const BFloat16* out = w.a.out.data + b * w.a.out.batch + t * w.a.out.row + head * s.D;
    const BFloat16* dout = w.a.dout.data + b * w.a.dout.batch + t * w.a.dout.row + head * s.D;
    float sum = 0.0f;
    for (int64_t d = lane_index(); d < s.D; d += kWarp) {
      sum += to_float(load(out + d)) * to_float(load(dout + d));
    }
    sum = reduce_lanes(sum, Add{});
    if (lane_index() == 0) store(w.delta_BHT + (b * s.H + head) * s.T + t, sum);
  }
}

// What a tile's queries need besides their rows: log-sum-exp in base 2 and delta.
struct QueryStats {
  float lse[kTile], delta[kTile];

  WEFT_DEVICE void fill(const Backward& w, int64_t b, int64_t head, int64_t first) {
    const AttentionShape& s = w.a.shape;
    for (unsigned i = thread_index(); i < kTile; i += thread_count()) {
      const int64_t at = (b * s.H + head) * s.T + first + i;
      const bool there = first + i < s.T;
      store(&lse[i], there ? load(w.a.lse_BHT + at) * kLog2E : 0.0f);
      store(&delta[i], there ? load(w.delta_BHT + at) : 0.0f);
    }
  }
};

template <int kD>
struct KeyShared {
  SharedTile<kTile, kD> k, v, q[kStages<kD>], dout[kStages<kD>];
  TileSees sees;
  QueryStats stats;
  KeySpan tiles;
};

// Where a block of keys stands in its walk over heads and tiles of queries.
struct KeyPlace {
  int64_t b, head, first;  // first query
  int key;                 // the warp's first
};

// S^T becomes P^T D, and dP^T becomes dS^T.
template <int kD>
WEFT_DEVICE void differentiate_keys(const Backward& w, KeyShared<kD>& shared, KeyPlace at,
                                    Scores& s, Scores& dp) {
  const Dropout dropout(w.a.dropout, w.random, at.b);
  WEFT_UNROLL
  for (int j = 0; j < kBlocks; ++j) {
    WEFT_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int query = j * 8 + fragment_column(i), key = at.key + fragment_row(i);
      float factor = 1.0f;
      if (dropout.p > 0.0f) {
        factor =
            dropout.factor_of_key(dropout.words(w.a.shape, at.head, at.first + query, key), key);
      }
      const Element e =
          differentiate(load(&shared.sees.query[query]).has(key),
                        {s.block[j].v[i], dp.block[j].v[i], load(&shared.stats.lse[query]),
                         load(&shared.stats.delta[query]), factor, w.a.scale});
      s.block[j].v[i] = e.p;
      dp.block[j].v[i] = e.ds;
    }
  }
}

template <int kD>
WEFT_KERNEL(kThreads)
attention_keys_kernel(Backward w) {
  auto& shared = shared_memory<KeyShared<kD>>();
  const AttentionShape& s = w.a.shape;
  constexpr int kParts = kD / kColumns<kD>, kOut = kColumns<kD> / 8, kRing = kStages<kD>;
  const int64_t key_head = block_index().y / kParts, b = block_index().z, group = s.H / s.K;
  const int column = static_cast<int>(block_index().y % kParts) * kColumns<kD>;
  const int first_key = static_cast<int>(block_index().x) * kTile;
  const int row = static_cast<int>(warp_index()) * 16;
  FragmentC dk[kOut] = {}, dv[kOut] = {};

  copy_rows(shared.k, head_of(w.a.k, b, key_head, s.S, s.D), first_key);
  copy_rows(shared.v, head_of(w.a.v, b, key_head, s.S, s.D), first_key);
  const KeySpan tiles = tiles_that_see<kTile>(w, b, first_key, &shared.tiles);
  const int64_t each = tiles.begin < tiles.end ? tiles.end - tiles.begin : 0;
  const auto place = [&](int64_t step) {
    return KeyPlace{b, key_head * group + step / each, (tiles.begin + step % each) * kTile,
                    first_key + row};
  };
  const auto copy_step = [&](int64_t step) {
    const KeyPlace at = place(step);
    copy_rows(shared.q[step % kRing], head_of(w.a.q, b, at.head, s.T, s.D), at.first);
    copy_rows(shared.dout[step % kRing], head_of(w.a.dout, b, at.head, s.T, s.D), at.first);
  };
  begin_ring<kRing>(each * group, copy_step);
  for (int64_t step = 0; step < each * group; ++step) {
    const KeyPlace at = place(step);
    advance_ring<kRing>(step, each * group, copy_step);
    shared.stats.fill(w, b, at.head, at.first);
    shared.sees.fill(s, w.a.mask, b, at.first);  // its barrier serves the statistics too
    Scores p = multiply_rows(shared.k, row, shared.q[step % kRing]);
    Scores ds = multiply_rows(shared.v, row, shared.dout[step % kRing]);
    differentiate_keys(w, shared, at, p, ds);
    add_product(dv, p, shared.dout[step % kRing], column);
    add_product(dk, ds, shared.q[step % kRing], column);
  }
  write_rows(w.a.dk, head_of(w.a.dk, b, key_head, s.S, s.D), first_key + row, column, dk);
  write_rows(w.a.dv, head_of(w.a.dv, b, key_head, s.S, s.D), first_key + row, column, dv);
}

template <int kD>
struct QueryShared {
  SharedTile<kTile, kD> q, dout, k[kStages<kD>], v[kStages<kD>];
  TileSees sees;
  QueryStats stats;
};

// dP becomes dS; the lane's words of dropout are those of the forward pass.
template <int kD>
WEFT_DEVICE void differentiate_queries(const Backward& w, QueryShared<kD>& shared, KeyPlace at,
                                       const Scores& s, Scores& dp) {
  const Dropout dropout(w.a.dropout, w.random, at.b);
  const int row = static_cast<int>(warp_index()) * 16;
  WEFT_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int query = row + fragment_row(i);
    const KeySpan seen = load(&shared.sees.query[query]);
    const float lse = load(&shared.stats.lse[query]), delta = load(&shared.stats.delta[query]);
    WEFT_UNROLL
    for (int odd = 0; odd < 2; ++odd) {
      PhiloxBlock words{};
      const int column = at.key + odd * 8 + fragment_column(i);
      if (dropout.p > 0.0f) {
        words = dropout.words(w.a.shape, at.head, at.first + query, column);
      }
      WEFT_UNROLL
      for (int j = 0; j < 4; ++j) {
        float& x = dp.block[2 * j + odd].v[i];
        const float factor =
            dropout.p > 0.0f ? dropout.factor(words[static_cast<size_t>(j)]) : 1.0f;
        x = differentiate(seen.has(column + j * 16),
                          {s.block[2 * j + odd].v[i], x, lse, delta, factor, w.a.scale})
                .ds;
      }
    }
  }
}

template <int kD>
WEFT_KERNEL(kThreads)
attention_queries_kernel(Backward w) {
  auto& shared = shared_memory<QueryShared<kD>>();
  const AttentionShape& s = w.a.shape;
  constexpr int kParts = kD / kColumns<kD>, kOut = kColumns<kD> / 8, kRing = kStages<kD>;
  const int64_t head = block_index().y / kParts, b = block_index().z;
  const int column = static_cast<int>(block_index().y % kParts) * kColumns<kD>;
  const int64_t first = int64_t{grid_size().x - 1 - block_index().x} * kTile;
  const int row = static_cast<int>(warp_index()) * 16;
  const MatrixView k = head_of(w.a.k, b, head * s.K / s.H, s.S, s.D);
  const MatrixView v = head_of(w.a.v, b, head * s.K / s.H, s.S, s.D);
  FragmentC dq[kOut] = {};

  copy_rows(shared.q, head_of(w.a.q, b, head, s.T, s.D), first);
  copy_rows(shared.dout, head_of(w.a.dout, b, head, s.T, s.D), first);
  shared.stats.fill(w, b, head, first);
  const KeySpan seen = shared.sees.fill(s, w.a.mask, b, first);
  const int begin = seen.begin / kTile * kTile;
  const int64_t steps = seen.begin < seen.end ? ceil_div(seen.end - begin, kTile) : 0;
  const auto copy_step = [&](int64_t step) {
    copy_rows(shared.k[step % kRing], k, begin + step * kTile);
    copy_rows(shared.v[step % kRing], v, begin + step * kTile);
  };
  begin_ring<kRing>(steps, copy_step);
  for (int64_t step = 0; step < steps; ++step) {
    advance_ring<kRing>(step, steps, copy_step);
    const Scores p = multiply_rows(shared.q, row, shared.k[step % kRing]);
    Scores ds = multiply_rows(shared.dout, row, shared.v[step % kRing]);
    differentiate_queries(w, shared, {b, head, first, begin + static_cast<int>(step) * kTile}, p,
                          ds);
    add_product(dq, ds, shared.k[step % kRing], column);
  }
  write_rows(w.a.dq, head_of(w.a.dq, b, head, s.T, s.D), first + row, column, dq);
}

static_assert(kTile == 64 && sizeof(KeySpan) == 8, "attention_cuda.h counts the workspace");

template <int kD>
void launch_backward(Stream stream, const Backward& w) {
  const AttentionShape& s = w.a.shape;
  constexpr int kParts = kD / kColumns<kD>;
  const auto grid = [&](int64_t tokens, int64_t heads) {
    return Grid{static_cast<unsigned>(ceil_div(tokens, kTile)), static_cast<unsigned>(heads),
                static_cast<unsigned>(s.B)};
  };
  // At a width of 128 the tiles are 96 KiB, of which an A100 holds one.
  constexpr int kOn80 = kD < 128 ? 2 : 1, kOn90 = kD <= 128 ? 2 : 1;
  constexpr Design kOfKeys{kThreads, sizeof(KeyShared<kD>), kOn80, kOn90};
  constexpr Design kOfQueries{kThreads, sizeof(QueryShared<kD>), kOn80, kOn90};
  check_shared_for_heads(sizeof(KeyShared<kD>), s.D);
  check_shared_for_heads(sizeof(QueryShared<kD>), s.D);
  attention_delta(stream, w);
  launch<attention_keys_kernel<kD>, kOfKeys>(stream, grid(s.S, s.K * kParts),
                                             "attention_backward_keys", w);
  launch<attention_queries_kernel<kD>, kOfQueries>(stream, grid(s.T, s.H * kParts),
                                                   "attention_backward_queries", w);
}

}  // namespace

namespace attention_cuda {

void attention_delta(Stream stream, const Backward& w) {
  const AttentionShape& s = w.a.shape;
  const Launch how{.grid = {static_cast<unsigned>(w.tiles), static_cast<unsigned>(s.H),
                            static_cast<unsigned>(s.B)},
                   .threads = kThreads,
                   .shared_bytes = sizeof(TileSees),
                   .name = "attention_delta"};
  launch(stream, how, attention_delta_kernel, w);
}

}  // namespace attention_cuda

void attention_backward(cuda::Stream stream, const AttentionBackwardOnDevice<BFloat16>& call) {
  const AttentionShape& s = call.args.shape;
  if (s.D > kMostHeadWidthCuda) {
    throw Error("attention on a GPU: heads are " + std::to_string(s.D) + " wide, at most " +
                std::to_string(kMostHeadWidthCuda) + " are supported; use more heads");
  }
  if (s.B == 0 || s.T == 0) return;
  auto* bytes = static_cast<std::byte*>(call.workspace);
  const Backward w{call.args, call.random, reinterpret_cast<float*>(bytes),
                   reinterpret_cast<KeySpan*>(bytes + attention_delta_bytes(s)),
                   ceil_div(s.T, kTile)};
  if (compute_capability() == 90 && attention_backward_sm90_fits(call)) {
    return attention_backward_sm90(stream, w);
  }
  if (s.D <= 64) return launch_backward<64>(stream, w);
  if (s.D <= 128) return launch_backward<128>(stream, w);
  launch_backward<256>(stream, w);
}

}  // namespace weft::kernels
