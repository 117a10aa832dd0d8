// Attention in float on ordinary cores, forward and backward: for models trained in f32, and as the
// reference of what is faster. Formulas, masks and dropout are those of attention.cu and
// attention_backward.cu.
//
// A block has 32 tokens of one head on one side and goes through the other side's tokens 32 at a
// time; both lie in shared memory. A warp owns 8 of the block's tokens (its rows); of the 32 tokens
// that come, each lane takes one, so that a row's softmax is a reduction over lanes. Probabilities
// pass through shared memory to the second product, where lanes are columns of the head. Rows are
// queries forward and for dQ, keys for dK and dV.
//
// Numerics: everything in float; sums in the order of tokens, whatever runs first.
#include <string>
#include <type_traits>

#include "kernels/attention/attention_cuda.h"
#include "kernels/attention/attention_device.h"
#include "kernels/cuda/warp.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

using namespace attention_cuda;

constexpr int kSide = 32;  // tokens of a block, and tokens that come at a time: a lane each
constexpr int kRows = 8;   // of a warp: every element that comes is used eight times
constexpr unsigned kBlock = kSide / kRows * kWarp;

// Tokens of one head, a token a row; the odd stride spreads a column over all banks.
template <int kD>
struct Rows {
  float at[kSide][kD + 1];
};

struct Head {
  const float* data;
  int64_t tokens, D, stride;
};

template <class T>
WEFT_DEVICE Head head_rows(const HeadRows<T>& rows, int64_t b, int64_t head, int64_t tokens,
                           int64_t D) {
  return {rows.data + b * rows.batch + head * D, tokens, D, rows.row};
}

// Tokens from `first` on; zeros past the last one and past D. By all threads of the block.
template <int kD>
WEFT_DEVICE void copy_tokens(Rows<kD>& to, const Head& head, int64_t first) {
  for (int i = static_cast<int>(thread_index()); i < kSide * kD; i += kBlock) {
    const int r = i / kD, d = i % kD;
    const bool there = first + r < head.tokens && d < head.D;
    store(&to.at[r][d], there ? load(head.data + (first + r) * head.stride + d) : 0.0f);
  }
}

// Of the warp's row and the lane's token.
template <int kD>
WEFT_DEVICE float dot(Rows<kD>& rows, int row, Rows<kD>& tokens, int64_t D) {
  float sum = 0.0f;
  for (int64_t d = 0; d < D; ++d) sum += load(&rows.at[row][d]) * load(&tokens.at[lane_index()][d]);
  return sum;
}

template <int kD>
using Sums = float[kRows][kD / kSide];  // a lane's columns are lane, lane + 32, ...

struct Weights {
  float at[kSide][kSide];  // row, token
};

// sums[row] += sum over tokens of weights[row][token] tokens[token].
template <int kD>
WEFT_DEVICE void add_weighted(Sums<kD>& sums, int row, Weights& weights, Rows<kD>& tokens) {
  const int lane = static_cast<int>(lane_index());
  for (int j = 0; j < kSide; ++j) {
    WEFT_UNROLL
    for (int c = 0; c < kD / kSide; ++c) {
      const float x = load(&tokens.at[j][c * kSide + lane]);
      WEFT_UNROLL
      for (int r = 0; r < kRows; ++r) sums[r][c] += load(&weights.at[row + r][j]) * x;
    }
  }
}

template <int kD>
WEFT_DEVICE void write_sums(const HeadRows<float>& to, const Head& head, int64_t first,
                            const Sums<kD>& sums) {
  float* data = to.data + (head.data - to.data);
  WEFT_UNROLL
  for (int r = 0; r < kRows; ++r) {
    WEFT_UNROLL
    for (int c = 0; c < kD / kSide; ++c) {
      const int64_t d = c * kSide + static_cast<int>(lane_index());
      if (first + r < head.tokens && d < head.D) {
        store(data + (first + r) * head.stride + d, sums[r][c]);
      }
    }
  }
}

// What queries [first, first + 32) see together: a lane asks for one, and all lanes get the answer.
WEFT_DEVICE KeySpan span_of_tile(const AttentionShape& s, const AttentionMask& mask, int64_t b,
                                 int64_t first) {
  const int64_t t = first + lane_index();
  KeySpan seen = t < s.T ? visible_keys(s, mask, b, t) : KeySpan{};
  for (unsigned d = kWarp / 2; d > 0; d /= 2) {
    seen = join(seen, {shuffle_xor(seen.begin, d), shuffle_xor(seen.end, d)});
  }
  return seen;
}

WEFT_DEVICE float dropout_factor(const Dropout& dropout, const AttentionShape& s, int64_t head,
                                 int64_t t, int64_t key) {
  if (!(dropout.p > 0.0f)) return 1.0f;
  return dropout.factor_of_key(dropout.words(s, head, t, key), key);
}

template <int kD>
struct ForwardShared {
  Rows<kD> q, k, v;
  Weights weights;
};

template <int kD>
WEFT_KERNEL(kBlock)
forward_kernel(AttentionForwardOnDevice<float> w) {
  const AttentionForward<float>& a = w.args;
  auto& shared = shared_memory<ForwardShared<kD>>();
  const AttentionShape& s = a.shape;
  const int64_t head = block_index().y, b = block_index().z,
                first = int64_t{block_index().x} * kSide;
  const int row = static_cast<int>(warp_index()) * kRows, lane = static_cast<int>(lane_index());
  const Head k = head_rows(a.k, b, head * s.K / s.H, s.S, s.D);
  const Head v = head_rows(a.v, b, head * s.K / s.H, s.S, s.D);
  const Dropout dropout(a.dropout, w.random, b);
  Sums<kD> out = {};
  float max[kRows], sum[kRows] = {};
  for (float& m : max) m = -INFINITY;

  copy_tokens(shared.q, head_rows(a.q, b, head, s.T, s.D), first);
  const KeySpan seen = span_of_tile(s, a.mask, b, first);
  for (int key = seen.begin; key < seen.end; key += kSide) {
    block_barrier();  // what came before has been read
    copy_tokens(shared.k, k, key);
    copy_tokens(shared.v, v, key);
    block_barrier();
    WEFT_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const int64_t t = first + row + r;
      const bool sees = t < s.T && visible_keys(s, a.mask, b, t).has(key + lane);
      const float score =
          sees ? dot(shared.q, row + r, shared.k, s.D) * a.scale * kLog2E : -INFINITY;
      const float top = Max{}(max[r], reduce_lanes(score, Max{}));
      const float base = top == -INFINITY ? 0.0f : top, p = fast_exp2(score - base);
      const float correction = fast_exp2(max[r] - base);
      max[r] = top;
      sum[r] = sum[r] * correction + reduce_lanes(p, Add{});
      for (float& o : out[r]) o *= correction;
      store(&shared.weights.at[row + r][lane], p * dropout_factor(dropout, s, head, t, key + lane));
    }
    warp_barrier();
    add_weighted<kD>(out, row, shared.weights, shared.v);
  }
  WEFT_UNROLL
  for (int r = 0; r < kRows; ++r) {
    const int64_t t = first + row + r;
    for (float& o : out[r]) o = sum[r] > 0.0f ? o / sum[r] : 0.0f;
    if (a.lse_BHT == nullptr || t >= s.T || lane != 0) continue;
    const float lse = sum[r] > 0.0f ? (max[r] + fast_log2(sum[r])) / kLog2E : -INFINITY;
    store(a.lse_BHT + (b * s.H + head) * s.T + t, lse);
  }
  write_sums<kD>(a.out, head_rows(a.out, b, head, s.T, s.D), first + row, out);
}

struct Backward {
  AttentionBackward<float> a;
  AttentionRandom random;
  float* delta_BHT;
};

WEFT_KERNEL(kBlock) delta_kernel(Backward w) {
  const AttentionShape& s = w.a.shape;
  const int64_t head = block_index().y, b = block_index().z;
  const int64_t t = int64_t{block_index().x} * warp_count() + warp_index();
  if (t >= s.T) return;
  const Head out = head_rows(w.a.out, b, head, s.T, s.D);
  const Head dout = head_rows(w.a.dout, b, head, s.T, s.D);
  float sum = 0.0f;
  for (int64_t d = lane_index(); d < s.D; d += kWarp) {
    sum += load(out.data + t * out.stride + d) * load(dout.data + t * dout.stride + d);
  }
  sum = reduce_lanes(sum, Add{});
  if (lane_index() == 0) store(w.delta_BHT + (b * s.H + head) * s.T + t, sum);
}

template <int kD>
struct BackwardShared {
  Rows<kD> q, dout, k, v;
  Weights p, ds;
};

// P D and dS of one query and key, whose products of rows are given.
struct Pair {
  int64_t b, head, t, key;
  float score, dp;
};
struct Gradient {
  float p = 0.0f, ds = 0.0f;
};
WEFT_DEVICE Gradient differentiate(const Backward& w, const Pair& x) {
  const AttentionShape& s = w.a.shape;
  if (x.t >= s.T || !visible_keys(s, w.a.mask, x.b, x.t).has(static_cast<int>(x.key))) return {};
  const int64_t at = (x.b * s.H + x.head) * s.T + x.t;
  const float p = fast_exp2((x.score * w.a.scale - load(w.a.lse_BHT + at)) * kLog2E);
  const float factor = dropout_factor(Dropout(w.a.dropout, w.random, x.b), s, x.head, x.t, x.key);
  return {p * factor, p * (x.dp * factor - load(w.delta_BHT + at)) * w.a.scale};
}

template <int kD>
WEFT_KERNEL(kBlock)
queries_kernel(Backward w) {
  auto& shared = shared_memory<BackwardShared<kD>>();
  const AttentionShape& s = w.a.shape;
  const int64_t head = block_index().y, b = block_index().z,
                first = int64_t{block_index().x} * kSide;
  const int row = static_cast<int>(warp_index()) * kRows, lane = static_cast<int>(lane_index());
  Sums<kD> dq = {};
  copy_tokens(shared.q, head_rows(w.a.q, b, head, s.T, s.D), first);
  copy_tokens(shared.dout, head_rows(w.a.dout, b, head, s.T, s.D), first);
  const KeySpan seen = span_of_tile(s, w.a.mask, b, first);
  for (int key = seen.begin; key < seen.end; key += kSide) {
    block_barrier();
    copy_tokens(shared.k, head_rows(w.a.k, b, head * s.K / s.H, s.S, s.D), key);
    copy_tokens(shared.v, head_rows(w.a.v, b, head * s.K / s.H, s.S, s.D), key);
    block_barrier();
    for (int r = row; r < row + kRows; ++r) {
      const Gradient g =
          differentiate(w, {b, head, first + r, key + lane, dot(shared.q, r, shared.k, s.D),
                            dot(shared.dout, r, shared.v, s.D)});
      store(&shared.ds.at[r][lane], g.ds);
    }
    warp_barrier();
    add_weighted<kD>(dq, row, shared.ds, shared.k);
  }
  write_sums<kD>(w.a.dq, head_rows(w.a.dq, b, head, s.T, s.D), first + row, dq);
}

template <int kD>
WEFT_KERNEL(kBlock)
keys_kernel(Backward w) {
  auto& shared = shared_memory<BackwardShared<kD>>();
  const AttentionShape& s = w.a.shape;
  const int64_t key_head = block_index().y, b = block_index().z, group = s.H / s.K;
  const int first = static_cast<int>(block_index().x) * kSide;
  const int row = static_cast<int>(warp_index()) * kRows, lane = static_cast<int>(lane_index());
  Sums<kD> dk = {}, dv = {};
  copy_tokens(shared.k, head_rows(w.a.k, b, key_head, s.S, s.D), first);
  copy_tokens(shared.v, head_rows(w.a.v, b, key_head, s.S, s.D), first);
  for (int64_t head = key_head * group; head < (key_head + 1) * group; ++head) {
    for (int64_t t = 0; t < s.T; t += kSide) {
      const KeySpan seen = span_of_tile(s, w.a.mask, b, t);
      if (seen.begin >= first + kSide || seen.end <= first) continue;  // for every warp alike
      block_barrier();
      copy_tokens(shared.q, head_rows(w.a.q, b, head, s.T, s.D), t);
      copy_tokens(shared.dout, head_rows(w.a.dout, b, head, s.T, s.D), t);
      block_barrier();
      for (int r = row; r < row + kRows; ++r) {
        const Gradient g =
            differentiate(w, {b, head, t + lane, first + r, dot(shared.k, r, shared.q, s.D),
                              dot(shared.v, r, shared.dout, s.D)});
        store(&shared.p.at[r][lane], g.p);
        store(&shared.ds.at[r][lane], g.ds);
      }
      warp_barrier();
      add_weighted<kD>(dv, row, shared.p, shared.dout);
      add_weighted<kD>(dk, row, shared.ds, shared.q);
    }
  }
  write_sums<kD>(w.a.dk, head_rows(w.a.dk, b, key_head, s.S, s.D), first + row, dk);
  write_sums<kD>(w.a.dv, head_rows(w.a.dv, b, key_head, s.S, s.D), first + row, dv);
}

Grid grid_over(const AttentionShape& s, int64_t tiles, int64_t heads) {
  return {static_cast<unsigned>(tiles), static_cast<unsigned>(heads), static_cast<unsigned>(s.B)};
}

template <int kD>
void launch_forward(Stream stream, const AttentionForwardOnDevice<float>& w) {
  const AttentionShape& s = w.args.shape;
  constexpr Design kDesign{.threads = kBlock, .shared_bytes = sizeof(ForwardShared<kD>)};
  check_shared_for_heads(kDesign.shared_bytes, s.D);
  launch<forward_kernel<kD>, kDesign>(stream, grid_over(s, ceil_div(s.T, kSide), s.H),
                                      "attention_forward_f32", w);
}

template <int kD>
void launch_backward(Stream stream, const Backward& w) {
  const AttentionShape& s = w.a.shape;
  constexpr Design kDesign{.threads = kBlock, .shared_bytes = sizeof(BackwardShared<kD>)};
  check_shared_for_heads(kDesign.shared_bytes, s.D);
  launch(stream,
         {.grid = grid_over(s, ceil_div(s.T, kBlock / kWarp), s.H),
          .threads = kBlock,
          .name = "attention_delta_f32"},
         delta_kernel, w);
  launch<keys_kernel<kD>, kDesign>(stream, grid_over(s, ceil_div(s.S, kSide), s.K),
                                   "attention_backward_keys_f32", w);
  launch<queries_kernel<kD>, kDesign>(stream, grid_over(s, ceil_div(s.T, kSide), s.H),
                                      "attention_backward_queries_f32", w);
}

// body(a constant) for the width that heads of D are padded to.
template <class Body>
void with_width(int64_t D, Body body) {
  if (D > kMostHeadWidthCuda) {
    throw Error("attention on a GPU: heads are " + std::to_string(D) + " wide, at most " +
                std::to_string(kMostHeadWidthCuda) + " are supported; use more heads");
  }
  if (D <= 32) return body(std::integral_constant<int, 32>());
  if (D <= 64) return body(std::integral_constant<int, 64>());
  if (D <= 128) return body(std::integral_constant<int, 128>());
  body(std::integral_constant<int, 256>());
}

}  // namespace

void attention_forward(cuda::Stream stream, const AttentionForwardOnDevice<float>& call) {
  if (call.args.shape.B == 0 || call.args.shape.T == 0) return;
  with_width(call.args.shape.D, [&](auto width) { launch_forward<width>(stream, call); });
}

void attention_backward(cuda::Stream stream, const AttentionBackwardOnDevice<float>& call) {
  if (call.args.shape.B == 0 || call.args.shape.T == 0) return;
  const Backward w{call.args, call.random, static_cast<float*>(call.workspace)};
  with_width(call.args.shape.D, [&](auto width) { launch_backward<width>(stream, w); });
}

}  // namespace weft::kernels
