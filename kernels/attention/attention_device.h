// What the attention kernels for GPUs share: which keys a query sees, what dropout keeps, heads as
// matrices, and products of a warp's 16 rows. Device code but for what a launch asks for.
#pragma once

#include <string>

#include "kernels/attention/attention_cuda.h"
#include "kernels/cuda/number.h"
#include "kernels/cuda/ring.h"
#include "kernels/cuda/tensor_map.h"
#include "kernels/cuda/tile.h"
#include "weft/philox.h"

namespace weft::kernels::attention_cuda {

using namespace cuda;

// Queries and keys in a tile. Four warps have 16 rows each; a tile's side is also the block of keys
// that attention.h's dropout numbers.
inline constexpr int kTile = 64;
inline constexpr unsigned kThreads = kTile / 16 * kWarp;
inline constexpr int kBlocks = kTile / 8;  // fragments across a tile
inline constexpr float kLog2E = 1.44269504f;

// Throws where a block cannot have what heads of D take.
inline void check_shared_for_heads(size_t bytes, int64_t D) {
  check_shared(bytes,
               {"attention on a GPU", "heads of " + std::to_string(D), "use narrower heads"});
}

struct KeySpan {  // keys [begin, end); 0, 0 if there are none
  int begin = 0, end = 0;

  WEFT_DEVICE bool has(int key) const { return key >= begin && key < end; }
};

WEFT_DEVICE int least(int a, int b) {
  return a < b ? a : b;
}
WEFT_DEVICE int most(int a, int b) {
  return a > b ? a : b;
}

WEFT_DEVICE KeySpan join(KeySpan a, KeySpan b) {
  if (a.begin >= a.end) return b;
  if (b.begin >= b.end) return a;
  return {least(a.begin, b.begin), most(a.end, b.end)};
}

WEFT_DEVICE KeySpan visible_keys(const AttentionShape& s, const AttentionMask& mask, int64_t b,
                                 int64_t t) {
  const int keys = static_cast<int>(s.S), self = static_cast<int>(t + s.S - s.T);
  KeySpan seen{0, keys};
  if (mask.causal) seen.end = least(seen.end, self + 1);
  if (mask.window > 0) seen.begin = most(0, self - static_cast<int>(mask.window) + 1);
  if (mask.range_BT2 != nullptr) {
    const int32_t* range = mask.range_BT2 + 2 * (b * s.T + t);
    seen.begin = most(seen.begin, load(range));
    seen.end = least(seen.end, load(range + 1));
  }
  return seen.begin < seen.end ? seen : KeySpan{};
}

// What the queries of a tile see, each and together. Queries past the last see nothing.
struct TileSees {
  KeySpan query[kTile];

  // By all threads of the block; ends with a barrier.
  WEFT_DEVICE KeySpan fill(const AttentionShape& s, const AttentionMask& mask, int64_t b,
                           int64_t first) {
    for (unsigned i = thread_index(); i < kTile; i += thread_count()) {
      store(&query[i], first + i < s.T ? visible_keys(s, mask, b, first + i) : KeySpan{});
    }
    block_barrier();
    KeySpan all;
    for (int i = 0; i < kTile; ++i) all = join(all, load(&query[i]));
    return all;
  }
};

// The factors of dropout, as attention_dropout_word numbers its words: key 16 w + c of a block of
// 64 takes word w of counter c.
struct Dropout {
  float p, keep;
  uint32_t last;  // the greatest word that drops, where p > 0
  uint64_t key, sample;

  // uniform_from(word) < p is word / 2^8 < ceil(2^24 p): a comparison of integers, where
  // conversions are as slow as exponentials.
  WEFT_DEVICE Dropout(const AttentionDropout& d, const AttentionRandom& random, int64_t b)
      : p(d.p),
        keep(1.0f / (1.0f - d.p)),
        last((static_cast<uint32_t>(ceilf(d.p * 0x1p24f)) << 8) - 1),
        key(d.key),
        sample(d.first_sample) {
    if (p > 0.0f && random.rng != nullptr) {  // as ops/random_state.h
      const PhiloxBlock words = philox(static_cast<uint64_t>(load(random.rng)), random.place,
                                       static_cast<uint64_t>(load(random.rng + 1)));
      key = static_cast<uint64_t>(words[1]) << 32 | words[0];
      sample = static_cast<uint64_t>(load(random.rng + 2));
    }
    sample += static_cast<uint64_t>(b);
  }
  WEFT_DEVICE static uint64_t counter(const AttentionShape& s, int64_t head, int64_t t, int64_t k) {
    const int64_t block = (head * s.T + t) * ((s.S + kTile - 1) / kTile) + k / kTile;
    return static_cast<uint64_t>(block * 16 + k % 16);
  }
  WEFT_DEVICE PhiloxBlock words_of(uint64_t counter) const { return philox(key, counter, sample); }
  WEFT_DEVICE PhiloxBlock words(const AttentionShape& s, int64_t head, int64_t t, int64_t k) const {
    return words_of(counter(s, head, t, k));
  }
  // Of the key itself, without an array that is indexed at run time: that would live in memory.
  WEFT_DEVICE float factor_of_key(const PhiloxBlock& words, int64_t k) const {
    const unsigned w = static_cast<unsigned>(k % kTile / 16);
    const uint32_t low = w % 2 == 0 ? words[0] : words[1], high = w % 2 == 0 ? words[2] : words[3];
    return factor(w < 2 ? low : high);
  }
  WEFT_DEVICE bool drops(uint32_t word) const { return word <= last; }
  WEFT_DEVICE float factor(uint32_t word) const { return drops(word) ? 0.0f : keep; }
};

// One head of one sample as a matrix of rows of D.
template <class T>
WEFT_DEVICE MatrixView head_of(const HeadRows<T>& rows, int64_t b, int64_t head, int64_t tokens,
                               int64_t D) {
  const T* data = rows.data + b * rows.batch + head * D;
  const bool chunks =
      reinterpret_cast<uintptr_t>(data) % kVectorBytes == 0 && rows.row % kVectorOf<BFloat16> == 0;
  return {data, tokens, D, rows.row, chunks};
}

template <int kD>
WEFT_DEVICE void copy_rows(SharedTile<kTile, kD>& tile, const MatrixView& head, int64_t first) {
  copy_tile(
      tile, head, [first](int r) { return first + r; }, [](int c) { return int64_t{c} * 8; });
}

// A warp's 16 rows times 64 columns.
struct Scores {
  FragmentC block[kBlocks];
};

// Rows `row` and on of `a` times the transpose of `b`: both have a token a row.
template <int kD>
WEFT_DEVICE Scores multiply_rows(SharedTile<kTile, kD>& a, int row, SharedTile<kTile, kD>& b) {
  Scores s = {};
  WEFT_UNROLL
  for (int d = 0; d < kD; d += 16) {
    const FragmentA left = load_a<false>(a, row, d);
    WEFT_UNROLL
    for (int j = 0; j < kBlocks; j += 2) {
      const FragmentsB right = load_b<true>(b, d, j * 8);
      mma(s.block[j], left, right.left);
      mma(s.block[j + 1], left, right.right);
    }
  }
  return s;
}

// out += s b, where s is rounded to bfloat16; columns [first, first + 8 kOut) of b.
template <int kOut, int kD>
WEFT_DEVICE void add_product(FragmentC (&out)[kOut], const Scores& s, SharedTile<kTile, kD>& b,
                             int first) {
  WEFT_UNROLL
  for (int k = 0; k < kBlocks; k += 2) {
    const FragmentC &x = s.block[k], &y = s.block[k + 1];
    const FragmentA left{{pack_bfloat16(x.v[0], x.v[1]), pack_bfloat16(x.v[2], x.v[3]),
                          pack_bfloat16(y.v[0], y.v[1]), pack_bfloat16(y.v[2], y.v[3])}};
    WEFT_UNROLL
    for (int j = 0; j < kOut; j += 2) {
      const FragmentsB right = load_b<false>(b, k * 8, first + j * 8);
      mma(out[j], left, right.left);
      mma(out[j + 1], left, right.right);
    }
  }
}

// Writes a warp's rows from token `first` on, columns from `column` on, of a head.
template <int kOut>
WEFT_DEVICE void write_rows(const HeadRows<BFloat16>& rows, const MatrixView& head, int64_t first,
                            int column, const FragmentC (&out)[kOut]) {
  auto* data = rows.data + (head.data - rows.data);
  WEFT_UNROLL
  for (int j = 0; j < kOut; ++j) {
    WEFT_UNROLL
    for (int v = 0; v < 4; ++v) {
      const int64_t t = first + fragment_row(v), d = column + j * 8 + fragment_column(v);
      if (t < head.rows && d < head.columns) {
        store(data + t * head.stride + d, to_bfloat16(out[j].v[v]));
      }
    }
  }
}

}  // namespace weft::kernels::attention_cuda
