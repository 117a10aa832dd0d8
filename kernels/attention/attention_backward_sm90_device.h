// What attention backward for Hopper has in common for heads of up to 128 and for wider ones: a
// call, a block's walk over the other side's tokens, 64 at a time, and what is done with the scores
// of a tile. Device code but for the tensor maps.
#pragma once

#include <type_traits>

#include "kernels/attention/attention_backward_device.h"
#include "kernels/attention/attention_dropout_sm90.h"
#include "kernels/attention/attention_sm90_device.h"

namespace weft::kernels::attention_cuda {

// `x` and `x2` are the block's side, `y` and `y2` the one that comes by: K, V and Q, dout, or Q,
// dout and K, V. `out` is x's gradient, `out2` that of V.
struct Call {
  TensorMap x, x2, y, y2, out, out2;
  Backward w;
};

// Heads as tensors for the copy engine, in boxes of `box` tokens.
struct BackwardMaps {
  const AttentionShape& s;
  Swizzle swizzle;

  template <class T>
  TensorMap queries(const HeadRows<T>& rows, int box) const {
    return make_tensor_map(with_box(heads(rows, s.H, s.T, s), swizzle, box));
  }
  template <class T>
  TensorMap keys(const HeadRows<T>& rows, int box) const {
    return make_tensor_map(with_box(heads(rows, s.K, s.S, s), swizzle, box));
  }
};

// What the queries of a stage need besides their rows.
struct QueryStats {
  float lse[kTile], delta[kTile];  // log-sum-exp in base 2
  KeySpan seen[kTile];
};

// The block's rows, and its walk over tokens of the other side: `each` tiles of every head.
struct Walk {
  int b, head, first;  // of the block's side
  int y_head, begin, each, steps;

  WEFT_DEVICE int head_of(int step) const { return y_head + step / each; }
  WEFT_DEVICE int token(int step) const { return begin + step % each * kTile; }
};

// By whole blocks, each of kBlock keys of a key/value head; ends with a barrier. `tiles` is shared.
template <int kBlock>
WEFT_DEVICE Walk walk_of_keys(const Backward& w, KeySpan* tiles) {
  const int b = static_cast<int>(block_index().z), head = static_cast<int>(block_index().y);
  const int group = static_cast<int>(w.a.shape.H / w.a.shape.K);
  const int first = static_cast<int>(block_index().x) * kBlock;
  const KeySpan see = tiles_that_see<kBlock>(w, b, first, tiles);
  const int each = most(0, see.end - see.begin);
  return {b, head, first, head * group, see.begin * kTile, each, each * group};
}

// The same of 128 queries of a head. The last ones see most keys where the mask is causal: they
// begin first.
WEFT_DEVICE Walk walk_of_queries(const Backward& w, BlockSpan& span) {
  const int b = static_cast<int>(block_index().z), head = static_cast<int>(block_index().y);
  const int group = static_cast<int>(w.a.shape.H / w.a.shape.K);
  const int first = static_cast<int>(grid_size().x - 1 - block_index().x) * BlockSpan::kQueries;
  const KeySpan seen = span_of_queries(w.a.shape, w.a.mask, {b, first}, span);
  const int begin = seen.begin / kTile * kTile;
  const int each = seen.begin < seen.end ? ceil_div(seen.end - begin, kTile) : 0;
  return {b, head, first, head / group, begin, each, each};
}

// By one warp: what the queries of each stage need besides.
template <class Shared>
WEFT_DEVICE void write_stats(const Backward& w, Shared& s, const Walk& walk) {
  const AttentionShape& shape = w.a.shape;
  RingPlace<Shared::kStages> at;
  for (int step = 0; step < walk.steps; ++step, at.advance()) {
    wait(s.empty[at.stage], at.parity ^ 1u);
    QueryStats& stats = s.stats[at.stage];
    for (unsigned i = lane_index(); i < kTile; i += kWarp) {
      const int64_t t = walk.token(step) + static_cast<int>(i);
      const bool there = t < shape.T;
      const int64_t row = (walk.b * shape.H + walk.head_of(step)) * shape.T + t;
      cuda::store(&stats.lse[i], there ? load(w.a.lse_BHT + row) * kLog2E : 0.0f);
      cuda::store(&stats.delta[i], there ? load(w.delta_BHT + row) : 0.0f);
      cuda::store(&stats.seen[i], there ? visible_keys(shape, w.a.mask, walk.b, t) : KeySpan{});
    }
    warp_barrier();
    if (lane_index() == 0) arrive(s.full[at.stage]);
  }
}

// What a thread's two rows need if they are queries.
struct RowStats {
  float lse[2] = {}, delta[2] = {};
  KeySpan seen[2];

  WEFT_DEVICE void read(const Backward& w, const Walk& walk, int row) {
    const AttentionShape& shape = w.a.shape;
    for (int half = 0; half < 2; ++half) {
      const int64_t t = walk.first + row + fragment_row(2 * half);
      if (t >= shape.T) continue;
      const int64_t at = (walk.b * shape.H + walk.head) * shape.T + t;
      lse[half] = load(w.a.lse_BHT + at) * kLog2E;
      delta[half] = load(w.delta_BHT + at);
      seen[half] = visible_keys(shape, w.a.mask, walk.b, t);
    }
  }
};

using Scores64 = Accumulator<64>;

// Of a tile of scores: its first key, the warp's where rows are keys.
struct Tile {
  int key;
  float scale;
  Dropped dropped;
};

// Scores become P, which is not kept, and dP becomes dS: of rows that are queries, whose columns
// are keys.
WEFT_DEVICE void differentiate_queries(const RowStats& stats, const Tile& tile, Scores64& p,
                                       Scores64& ds) {
  WEFT_UNROLL
  for (int j = 0; j < 8; ++j) {
    WEFT_UNROLL
    for (int v = 0; v < 4; ++v) {
      const bool visible = stats.seen[v / 2].has(tile.key + j * 8 + fragment_column(v));
      ds(j, v) = differentiate(visible, {p(j, v), ds(j, v), stats.lse[v / 2], stats.delta[v / 2],
                                         tile.dropped.factor(j, v), tile.scale})
                     .ds;
    }
  }
}

// 64 rows of x times the transpose of y: issued.
template <int kD, class X, class Y>
WEFT_DEVICE void multiply_rows(const X& x, int row, const Y& y, Scores64& out) {
  WEFT_UNROLL
  for (int d = 0; d < kD; d += 16) {
    multiply<Major::kK, Major::kK>(out, x.rows_by_k(row, d), y.rows_by_k(0, d), d > 0);
  }
  commit_products();
}

// out (+)= a y: issued.
template <int kD, class Y>
WEFT_DEVICE void add_product(Accumulator<kD>& out, const OperandA<64>& a, const Y& y, bool first) {
  WEFT_UNROLL
  for (int k = 0; k < 64; k += 16) {
    multiply<Major::kMN>(out, a.part[k / 16], y.columns_by_k(k, 0), !first || k > 0);
  }
  commit_products();
}

template <int kD>
WEFT_DEVICE void clear(Accumulator<kD>& sums) {
  WEFT_UNROLL
  for (int i = 0; i < kD / 2; ++i) sums(i / 4, i % 4) = 0.0f;
}

// Of the tile: where the warp group's 64 begin, and the warp's 16.
struct FirstRows {
  int of_group, of_warp;
};

}  // namespace weft::kernels::attention_cuda
