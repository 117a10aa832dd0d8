// Attention forward on a GPU for sm_80 and everything after; the reference of the Hopper kernel.
//
//   out = dropout(softmax(scale Q K^T)) V,  lse = log sum exp(scale Q K^T), over the keys each
//   query sees (attention.h: causal, window, ranges; grouped heads; strides as they come)
//
// A block has 64 queries of one head, a warp 16 of them. Keys and values come 64 at a time through
// a ring of two stages; scores live in registers, one tile at a time, with a running maximum and
// sum per row (a lane holds parts of two rows; four lanes share a row). Tiles that no query of the
// block sees are not visited; within a tile, what a query does not see is minus infinity. Head
// widths are padded to 64, 128 or 256 with zeros in shared memory.
//
// Numerics: scores and sums in float, exponentials in base 2, probabilities rounded to bfloat16 for
// the second product, the sum of the unrounded ones. One order of keys: the shape alone fixes bits.
// Source: Dao, "FlashAttention-2", 2023; Milakov and Gimelshein, "Online normalizer calculation for
// softmax", 2018.
#include <string>

#include "kernels/attention/attention_cuda.h"
#include "kernels/attention/attention_device.h"
#include "kernels/attention/attention_sm90.h"
#include "kernels/cuda/tensor_map.h"
#include "kernels/cuda/warp.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

using namespace attention_cuda;

// The model of its time on an H200, a multiprocessor and step of 64 queries and 64 keys at D 128:
//   products      2 x 2 x 64 x 64 x 128 flops at 2,576 a clock                     814 clocks
//                 (mma.sync has 62.9 % of wgmma's 4,096: Luo et al., 2024)
//   operands      4 warps read K and V, 32 KiB, and 4 KiB of Q: 128 bytes a clock  1,152
//   exponentials  64 x 64 at 16 a clock                                            256
//   the rest      about 6 instructions a score at 128 a clock                      192
//   copies        32 KiB of K and V at 33 bytes a clock                            993
// Two blocks a multiprocessor fill each other's gaps, so the largest counts: operands, 1,820 flops
// a clock or 440 TFLOP/s on 132 multiprocessors at 1.83 GHz. An A100 (products 1,024) gets 89 % of
// its 2,048 a clock. 32 queries a warp would halve the operands, and need 128 registers for the
// output and 64 for scores; what Hopper gains by that, attention_sm90.cu gains by wgmma.
//
// Two tiles of keys and of values: at a width of 128 with the queries 80 KiB, two blocks a
// multiprocessor; at 256 160 KiB, which an A100 just has.
constexpr int kStages = 2;

template <int kD>
struct Shared {
  SharedTile<kTile, kD> q, k[kStages], v[kStages];
  TileSees sees;
};

// A warp's part of the output, not yet divided by the sums. Index 0 and 1: rows g and g + 8.
template <int kD>
struct Rows {
  FragmentC out[kD / 8] = {};
  float max[2] = {-INFINITY, -INFINITY};
  float sum[2] = {};
};

// Where a tile of scores stands: its head, first query of the warp, first key.
struct TilePlace {
  int64_t b, head, query;
  int key;
};

// Scales to base 2, and hides what a query does not see.
WEFT_DEVICE void mask_scores(Scores& s, const TileSees& sees, int row, int key, float scale) {
  WEFT_UNROLL
  for (int half = 0; half < 2; ++half) {
    const KeySpan seen = load(&sees.query[row + fragment_row(2 * half)]);
    WEFT_UNROLL
    for (int j = 0; j < kBlocks; ++j) {
      WEFT_UNROLL
      for (int i = 0; i < 2; ++i) {
        float& x = s.block[j].v[2 * half + i];
        x = seen.has(key + j * 8 + fragment_column(i)) ? x * scale * kLog2E : -INFINITY;
      }
    }
  }
}

// Scores become exp2(score - max) under the new maximum; what was summed before is scaled to it.
template <int kD>
WEFT_DEVICE void take_exponentials(Scores& s, Rows<kD>& rows) {
  WEFT_UNROLL
  for (int half = 0; half < 2; ++half) {
    float max = rows.max[half];
    WEFT_UNROLL
    for (int j = 0; j < kBlocks; ++j) {
      max = Max{}(max, Max{}(s.block[j].v[2 * half], s.block[j].v[2 * half + 1]));
    }
    max = reduce_lanes<4>(max, Max{});
    const float base = max == -INFINITY ? 0.0f : max;  // a row that has seen nothing yet
    const float correction = fast_exp2(rows.max[half] - base);
    float sum = 0.0f;
    WEFT_UNROLL
    for (int j = 0; j < kBlocks; ++j) {
      WEFT_UNROLL
      for (int i = 0; i < 2; ++i) {
        float& x = s.block[j].v[2 * half + i];
        x = fast_exp2(x - base);
        sum += x;
      }
    }
    rows.max[half] = max;
    rows.sum[half] = rows.sum[half] * correction + sum;
    WEFT_UNROLL
    for (int j = 0; j < kD / 8; ++j) {
      rows.out[j].v[2 * half] *= correction;
      rows.out[j].v[2 * half + 1] *= correction;
    }
  }
}

// A lane's columns of a row are 2 t, 2 t + 1 modulo 8: four counters give all of their words.
WEFT_DEVICE void drop(Scores& s, const Dropout& dropout, const AttentionShape& shape,
                      TilePlace at) {
  WEFT_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int64_t t = at.query + fragment_row(2 * half);
    WEFT_UNROLL
    for (int c = 0; c < 4; ++c) {  // columns i and 8 + i modulo 16
      const int i = c % 2, odd = c / 2;
      const PhiloxBlock words =
          dropout.words(shape, at.head, t, at.key + odd * 8 + fragment_column(i));
      WEFT_UNROLL
      for (int w = 0; w < 4; ++w) {
        s.block[2 * w + odd].v[2 * half + i] *= dropout.factor(words[static_cast<size_t>(w)]);
      }
    }
  }
}

template <int kD>
WEFT_DEVICE void finish_rows(const AttentionForward<BFloat16>& a, TilePlace at, Rows<kD>& rows) {
  const AttentionShape& s = a.shape;
  WEFT_UNROLL
  for (int half = 0; half < 2; ++half) {
    const float sum = reduce_lanes<4>(rows.sum[half], Add{});
    const float inverse = sum > 0.0f ? 1.0f / sum : 0.0f;
    WEFT_UNROLL
    for (int j = 0; j < kD / 8; ++j) {
      rows.out[j].v[2 * half] *= inverse;
      rows.out[j].v[2 * half + 1] *= inverse;
    }
    const int64_t t = at.query + fragment_row(2 * half);
    if (a.lse_BHT == nullptr || t >= s.T || lane_index() % 4 != 0) continue;
    const float lse = sum > 0.0f ? (rows.max[half] + fast_log2(sum)) / kLog2E : -INFINITY;
    store(a.lse_BHT + (at.b * s.H + at.head) * s.T + t, lse);
  }
}

template <int kD>
WEFT_KERNEL(kThreads)
attention_forward_kernel(AttentionForwardOnDevice<BFloat16> w) {
  const AttentionForward<BFloat16>& a = w.args;
  auto& shared = shared_memory<Shared<kD>>();
  const AttentionShape& s = a.shape;
  const int row = static_cast<int>(warp_index()) * 16;
  // The last queries see most keys where the mask is causal: they begin first.
  const int64_t first = int64_t{grid_size().x - 1 - block_index().x} * kTile;
  TilePlace at{block_index().z, block_index().y, first + row, 0};
  const MatrixView q = head_of(a.q, at.b, at.head, s.T, s.D);
  const MatrixView k = head_of(a.k, at.b, at.head * s.K / s.H, s.S, s.D);
  const MatrixView v = head_of(a.v, at.b, at.head * s.K / s.H, s.S, s.D);
  const Dropout dropout(a.dropout, w.random, at.b);

  const KeySpan seen = shared.sees.fill(s, a.mask, at.b, first);
  const int begin = seen.begin / kTile * kTile;
  const int64_t steps = seen.begin < seen.end ? ceil_div(seen.end - begin, kTile) : 0;
  const auto copy_step = [&](int64_t step) {
    copy_rows(shared.k[step % kStages], k, begin + step * kTile);
    copy_rows(shared.v[step % kStages], v, begin + step * kTile);
  };
  Rows<kD> rows;
  copy_rows(shared.q, q, first);
  begin_ring<kStages>(steps, copy_step);
  for (int64_t step = 0; step < steps; ++step) {
    advance_ring<kStages>(step, steps, copy_step);
    at.key = begin + static_cast<int>(step) * kTile;
    Scores scores = multiply_rows(shared.q, row, shared.k[step % kStages]);
    mask_scores(scores, shared.sees, row, at.key, a.scale);
    take_exponentials(scores, rows);
    if (dropout.p > 0.0f) drop(scores, dropout, s, at);
    add_product(rows.out, scores, shared.v[step % kStages], 0);
  }
  finish_rows(a, at, rows);
  write_rows(a.out, head_of(a.out, at.b, at.head, s.T, s.D), at.query, 0, rows.out);
}

template <int kD>
void launch_forward(Stream stream, const AttentionForwardOnDevice<BFloat16>& w) {
  const AttentionShape& s = w.args.shape;
  const Grid grid{static_cast<unsigned>(ceil_div(s.T, kTile)), static_cast<unsigned>(s.H),
                  static_cast<unsigned>(s.B)};
  constexpr int kTogether = kD <= 128 ? 2 : 1;
  constexpr Design kDesign{.threads = kThreads,
                           .shared_bytes = sizeof(Shared<kD>),
                           .on_sm80 = kTogether,
                           .on_sm90 = kTogether};
  check_shared_for_heads(kDesign.shared_bytes, s.D);
  launch<attention_forward_kernel<kD>, kDesign>(stream, grid, "attention_forward", w);
}

}  // namespace

void attention_forward(cuda::Stream stream, const AttentionForwardOnDevice<BFloat16>& call) {
  const AttentionShape& s = call.args.shape;
  if (s.D > kMostHeadWidthCuda) {
    throw Error("attention on a GPU: heads are " + std::to_string(s.D) + " wide, at most " +
                std::to_string(kMostHeadWidthCuda) + " are supported; use more heads");
  }
  if (s.B == 0 || s.T == 0) return;
  if (compute_capability() == 90 && attention_sm90_fits(call)) {
    return attention_forward_sm90(stream, call);
  }
  if (s.D <= 64) return launch_forward<64>(stream, call);
  if (s.D <= 128) return launch_forward<128>(stream, call);
  launch_forward<256>(stream, call);
}

}  // namespace weft::kernels
