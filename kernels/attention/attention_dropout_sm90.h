// Dropout in the attention kernels for Hopper: which scores are dropped of those that a lane holds
// as sums of wgmma, by the same words of Philox as everywhere (attention.h). What is drawn lives in
// registers; the bits of one tile pass through shared memory where warps draw for one another.
// Device code.
//
// A counter's four words decide about keys 16 apart. Where rows are queries, a lane has columns 2 t
// and 2 t + 1 modulo 8, so it uses every word that it draws. Where rows are keys, each of the four
// warps of a warp group needs another word of the same counters: each draws for a quarter of the
// queries, and shows the others what its words say. So four scores cost ten rounds in both cases.
#pragma once

#include "kernels/attention/attention_device.h"
#include "kernels/cuda/warp.h"
#include "kernels/cuda/warp_group.h"

namespace weft::kernels::attention_cuda {

// Of a lane's part of 64 x 64 scores. Bit 4 j + v: element v of block j is dropped.
struct Dropped {
  uint32_t bits = 0;
  float keep = 1.0f;  // what the others are multiplied with

  WEFT_DEVICE float factor(int block, int v) const {
    return (bits >> (4 * block + v) & 1u) != 0 ? 0.0f : keep;
  }
};

// The head and the first row of a warp's 16.
struct WarpRows {
  int64_t b, head, first;
};

// A tile of 64 x 64 of the backward pass. Where rows are keys: `head` is that of the queries, and
// the bits pass through `shown`, a word for each thread of the warp group, and a named barrier (of
// whoever calls show and read). It may be written again after the barrier of another tile.
struct DroppedTile {
  int head, column;  // the first column's token
  uint32_t* shown = nullptr;
  unsigned barrier = 0;
};

// No dropout, which costs nothing.
struct NoDrops {
  WEFT_DEVICE NoDrops(const AttentionShape&, const AttentionDropout&, const AttentionRandom&,
                      WarpRows) {}
  WEFT_DEVICE float keep() const { return 1.0f; }
  template <class Drop>
  WEFT_DEVICE void draw(int, Drop) const {}
  WEFT_DEVICE Dropped draw_tile(const DroppedTile&) const { return {}; }
  WEFT_DEVICE void show(const DroppedTile&) const {}
  WEFT_DEVICE Dropped read(const uint32_t*) const { return {}; }
};

// What is the same for all lanes, and known to be when it comes out of a shuffle: then the keys of
// Philox's rounds are in uniform registers, and cost no instruction of a thread. By whole warps.
WEFT_DEVICE uint64_t same_of_lanes(uint64_t x) {
  const uint32_t high = shuffle(static_cast<uint32_t>(x >> 32), 0);
  return static_cast<uint64_t>(high) << 32 | shuffle(static_cast<uint32_t>(x), 0);
}
WEFT_DEVICE Dropout same_of_lanes(Dropout dropout) {
  dropout.key = same_of_lanes(dropout.key);
  dropout.sample = same_of_lanes(dropout.sample);
  dropout.last = shuffle(dropout.last, 0);
  return dropout;
}

// Rows that are queries.
class DropsOfQueries {
 public:
  WEFT_DEVICE DropsOfQueries(const AttentionShape& s, const AttentionDropout& dropout,
                             const AttentionRandom& random, WarpRows rows)
      : dropout_(dropout, random, rows.b) {
    WEFT_UNROLL
    for (int half = 0; half < 2; ++half) {
      first_[half] = Dropout::counter(s, rows.head, rows.first + fragment_row(2 * half), 0) +
                     static_cast<uint64_t>(fragment_column(0));
    }
  }
  WEFT_DEVICE float keep() const { return dropout_.keep; }

  // drop(block, v) of each that is dropped of a lane's scores of 64 keys, from a multiple of 64 on.
  template <class Drop>
  WEFT_DEVICE void draw(int key, Drop drop) const {
    const Dropout dropout = same_of_lanes(dropout_);
    WEFT_UNROLL
    for (int odd = 0; odd < 2; ++odd) {
      WEFT_UNROLL
      for (int v = 0; v < 4; ++v) {
        const int more = key / kTile * 16 + odd * 8 + v % 2;
        const PhiloxBlock words = dropout.words_of(first_[v / 2] + static_cast<uint64_t>(more));
        WEFT_UNROLL
        for (int w = 0; w < 4; ++w) {
          if (dropout.drops(words[static_cast<size_t>(w)])) drop(2 * w + odd, v);
        }
      }
    }
  }
  WEFT_DEVICE Dropped draw_tile(const DroppedTile& tile) const {
    Dropped dropped{.keep = keep()};
    draw(tile.column, [&](int block, int v) { dropped.bits |= 1u << (4 * block + v); });
    return dropped;
  }

 private:
  Dropout dropout_;
  uint64_t first_[2];  // the counter of the lane's first column, of each of its rows
};

// Rows that are keys. A warp's 16 are the keys that word 0, 1, 2 or 3 of a counter decides about.
class DropsOfKeys {
 public:
  WEFT_DEVICE DropsOfKeys(const AttentionShape& s, const AttentionDropout& dropout,
                          const AttentionRandom& random, WarpRows rows)
      : shape_(s),
        dropout_(same_of_lanes({dropout, random, rows.b})),
        blocks_(static_cast<uint32_t>(ceil_div(s.S, kTile))),
        block_(static_cast<uint32_t>(rows.first) / kTile) {}

  // By all threads of the warp group, as the others.
  WEFT_DEVICE Dropped draw_tile(const DroppedTile& tile) const {
    show(tile);
    named_barrier(tile.barrier, kWarpGroup);
    return read(tile.shown);
  }

  // draw_tile in two parts, between which a barrier must come. `read` is for any warp group whose
  // rows are the same.
  WEFT_DEVICE void show(const DroppedTile& tile) const {
    const unsigned warp = thread_of_group() / kWarp;
    uint32_t mine = 0;  // byte w: of the keys of warp w
    WEFT_UNROLL
    for (int i = 0; i < 8; ++i) {
      const int block = 2 * static_cast<int>(warp) + i / 4, query = block * 8 + fragment_column(i);
      const PhiloxBlock words =
          dropout_.words_of(counter(tile.head, tile.column + query, fragment_row(i % 4)));
      WEFT_UNROLL
      for (int w = 0; w < 4; ++w) {
        if (dropout_.drops(words[static_cast<size_t>(w)])) mine |= 1u << (8 * w + i);
      }
    }
    store(tile.shown + thread_of_group(), mine);
  }
  WEFT_DEVICE Dropped read(const uint32_t* shown) const {
    const unsigned warp = thread_of_group() / kWarp;
    Dropped dropped{.keep = dropout_.keep};
    WEFT_UNROLL
    for (unsigned from = 0; from < 4; ++from) {
      const uint32_t word = load(shown + from * kWarp + lane_index());
      dropped.bits |= (word >> (8 * warp) & 0xffu) << (8 * from);
    }
    return dropped;
  }

 private:
  // As Dropout::counter, of which more would be held in 64 bits than there are registers for.
  WEFT_DEVICE uint64_t counter(int head, int query, int key) const {
    const uint64_t row = static_cast<uint64_t>(head) * static_cast<uint64_t>(shape_.T) +
                         static_cast<uint64_t>(query);
    return (row * blocks_ + block_) * 16 + static_cast<uint64_t>(key);
  }

  const AttentionShape& shape_;
  Dropout dropout_;
  uint32_t blocks_, block_;  // of 64 keys: all, and the one whose keys the rows are
};

}  // namespace weft::kernels::attention_cuda
