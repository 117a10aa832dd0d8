// What the attention kernels for Hopper share: heads as tensors for the copy engine, tiles of
// tokens on their way in and out, and sums that become operands. Device code but for the tensor
// maps.
#pragma once

#include "kernels/attention/attention_device.h"
#include "kernels/cuda/box_copies.h"
#include "kernels/cuda/warp_group.h"
#include "kernels/cuda/wgmma.h"

namespace weft::kernels::attention_cuda {

// Heads as a tensor of (width, head, token, sample), a box of which is a panel of tokens.
template <class T>
TensorMapSpec heads(const HeadRows<T>& rows, int64_t count, int64_t tokens,
                    const AttentionShape& s) {
  const auto bytes = [](int64_t elements) { return elements * int64_t{sizeof(BFloat16)}; };
  const int64_t batch = s.B == 1 ? rows.row : rows.batch;  // any, where there is no second sample
  return {.data = rows.data,
          .rank = 4,
          .size = {s.D, count, tokens, s.B},
          .stride = {0, bytes(s.D), bytes(rows.row), bytes(batch)}};
}

inline TensorMapSpec with_box(TensorMapSpec spec, Swizzle swizzle, int rows) {
  spec.swizzle = swizzle;
  spec.box = {static_cast<uint32_t>(swizzle) / 2, 1, static_cast<uint32_t>(rows), 1};
  return spec;
}

// The keys that 128 queries see together: parts of 32 queries each.
struct BlockSpan {
  static constexpr int kQueries = 128;
  KeySpan part[kQueries / kWarp];
};
struct QueryPlace {
  int b, first;
};

// By the block's first 128 threads, a query each; ends with a barrier of the block.
WEFT_DEVICE KeySpan span_of_queries(const AttentionShape& s, const AttentionMask& mask,
                                    QueryPlace at, BlockSpan& span) {
  if (thread_index() < BlockSpan::kQueries) {
    const int64_t t = at.first + static_cast<int>(thread_index());
    KeySpan seen = t < s.T ? visible_keys(s, mask, at.b, t) : KeySpan{};
    for (unsigned d = kWarp / 2; d > 0; d /= 2) {
      seen = join(seen, {shuffle_xor(seen.begin, d), shuffle_xor(seen.end, d)});
    }
    if (lane_index() == 0) store(&span.part[warp_index()], seen);
  }
  block_barrier();
  KeySpan seen;
  for (const KeySpan& part : span.part) seen = join(seen, load(&part));
  return seen;
}

// A tile of tokens of one head, panel by panel. `full` expects its bytes.
template <class Tile>
WEFT_DEVICE void load_tile(Tile& tile, const TensorMap& map, BoxPlace at, Mbarrier& full) {
  for (int p = 0; p < Tile::kPanels; ++p) {
    load_box<4>(tile.panels[p], map, {p * Tile::kWidth, at.y, at.z, at.w}, full);
  }
}

// A warp has read the tile: when all have, it may be filled again.
WEFT_DEVICE void release(Mbarrier& empty) {
  if (lane_index() == 0) arrive(empty);
}

// A thread's part of a warp group's 64 rows of sums into rows of a tile, the warp's from `row` on.
template <class Tile, int kN>
WEFT_DEVICE void put_rows(Tile& tile, int row, Accumulator<kN>& sums) {
  WEFT_UNROLL
  for (int j = 0; j < kN / 8; ++j) {
    WEFT_UNROLL
    for (int v = 0; v < 4; v += 2) {
      BFloat16* chunk = tile.chunk(row + fragment_row(v), j * 8) + fragment_column(v);
      store(reinterpret_cast<uint32_t*>(chunk), pack_bfloat16(sums(j, v), sums(j, v + 1)));
    }
  }
}

// 64 rows of a tile, from `row` on, to the tokens from at.z on: by one thread, after the barrier.
template <class Tile>
WEFT_DEVICE void store_rows(const TensorMap& map, const Tile& tile, int row, BoxPlace at) {
  for (int p = 0; p < Tile::kPanels; ++p) {
    store_box<4>(map, {p * Tile::kWidth, at.y, at.z, at.w}, tile.panels[p][row]);
  }
}

// Sums of 64 x kKeys rounded to bfloat16 as operand A: their layout is the operand's, two blocks at
// a time.
template <int kKeys>
struct OperandA {
  FragmentA part[kKeys / 16];

  WEFT_DEVICE void take(Accumulator<kKeys>& scores) {
    WEFT_UNROLL
    for (int k = 0; k < kKeys / 16; ++k) {
      WEFT_UNROLL
      for (int r = 0; r < 4; ++r) {
        const int block = 2 * k + r / 2, v = r % 2 * 2;
        part[k].r[r] = pack_bfloat16(scores(block, v), scores(block, v + 1));
      }
    }
  }
};

}  // namespace weft::kernels::attention_cuda
