// Tiles of packed blocks on vector lanes. For each block of K, A's part becomes strips of a few
// rows, [words, kStrip] each, in the second-level cache; B's becomes panels of two vectors of
// columns, [words, kPanel], one at a time, in the first-level cache. Every strip is then multiplied
// with the panel in registers: 12 x 32 sums with AVX-512, 6 x 16 with AVX2. Pairs are multiplied by
// AVX512-BF16 alone (pair_strip.h).
#include "kernels/gemm/block_product.h"

#include <algorithm>

#include "kernels/gemm/pair_strip.h"
#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"
#include "kernels/simd/unchecked.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/block_product_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/gemm/packing-inl.h"

#ifndef WEFT_KERNELS_BLOCK_PRODUCT_ONCE_
#define WEFT_KERNELS_BLOCK_PRODUCT_ONCE_
namespace weft::kernels {

constexpr int64_t kVector = 16;  // words, the longest

}  // namespace weft::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

template <class Word>
constexpr int64_t kPanel = std::is_same_v<Word, Pair> ? kPairStripColumns : 2 * kLanes;
// Sums in registers: 24 of AVX-512's 32 vectors, 12 of the 16 that others have.
template <class Word>
constexpr int64_t kStrip = std::is_same_v<Word, Pair> || kLanes >= 16 ? 12 : 6;
static_assert(kStrip<Pair> == kPairStripRows);

// ---- Packing ------------------------------------------------------------------------------------

// Rows of a whole strip, in whole vectors: what is too much of a row is written
// over by the next one, and the last one's by the next strip or into the end of the scratch memory.
template <class T, class Word>
void copy_strip(const T* from, int64_t ld, int64_t k, Word* to) {
  constexpr int64_t kEach = kTerms<Word>;
  for (int64_t i = 0; i < k; i += kEach, from += kEach * ld, to += kStrip<Word>) {
    for (int64_t j = 0; j < kStrip<Word>; j += kLanes) {
      store(words_down<Word>(from + j, ld, k - i, Full()), reinterpret_cast<float*>(to + j),
            Full());
    }
  }
}

// A's rows from `row` on, in a block of K.
template <class T, class Word>
void pack_strip(const BlockTile& t, const T* a, int64_t row, int64_t k, Word* to) {
  constexpr int64_t kWhole = round_up(kStrip<Word>, kLanes);
  const int64_t rows = std::min(kStrip<Word>, t.m - row);
  if (!t.trans_a) return transpose<T, Word>({a + row * t.lda, t.lda, rows, k, to, kStrip<Word>});
  if (row + kWhole <= t.readable) copy_strip(a + row, t.lda, k, to);
  else copy_rows<T, Word>({a + row, t.lda, rows, k, to, kStrip<Word>});
}

template <class T, class Word>
void pack_panel(const BlockTile& t, const T* b, int64_t columns, int64_t k, Word* to) {
  constexpr int64_t kWide = kPanel<Word>;
  if (columns < kWide) std::fill(to, to + ceil_div(k, kTerms<Word>) * kWide, Word{0});
  if (t.trans_b) return transpose<T, Word>({b, t.ldb, columns, k, to, kWide});
  copy_rows<T, Word>({b, t.ldb, columns, k, to, kWide});
}

// ---- Products -----------------------------------------------------------------------------------

template <class Word>
struct Strip {
  const Word* a;      // [k, kStrip]
  const Word* panel;  // [k, kPanel]
  int64_t k;          // words
  float* sums;        // rows of ld
  int64_t ld;
  bool add;  // to the sums of the blocks of K before
  // Where the result goes, of pairs alone; null: it stays in the sums.
  BFloat16* rounded;
  int64_t ld_rounded;
};

// Whole vectors alone: what could call a function would cost the loop its registers.
template <int kRows>
HWY_NOINLINE WEFT_UNCHECKED void multiply_strip(const Strip<float>& s) {
  V left[kRows], right[kRows];
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) left[r] = right[r] = zeros();
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    __builtin_prefetch(s.sums + r * s.ld, 1);
    __builtin_prefetch(s.sums + r * s.ld + kLanes, 1);
  }
  const float *a = s.a, *b = s.panel;
  for (int64_t k = 0; k < s.k; ++k, a += kStrip<float>, b += kPanel<float>) {
    const V b_left = load(b, Full()), b_right = load(b + kLanes, Full());
    HWY_UNROLL(12)
    for (int r = 0; r < kRows; ++r) {
      const V element = all(a[r]);
      left[r] = hn::MulAdd(element, b_left, left[r]);
      right[r] = hn::MulAdd(element, b_right, right[r]);
    }
  }
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    float* row = s.sums + r * s.ld;
    if (s.add) left[r] = hn::Add(load(row, Full()), left[r]);
    if (s.add) right[r] = hn::Add(load(row + kLanes, Full()), right[r]);
    store(left[r], row, Full());
    store(right[r], row + kLanes, Full());
  }
}

void check_strip(const Strip<float>& s, int64_t rows) {
  constexpr int64_t kFloat = sizeof(float);
  check_memory(s.a, s.k * kStrip<float> * kFloat);
  check_memory(s.panel, s.k * kPanel<float> * kFloat);
  check_rows(s.sums, rows, kPanel<float> * kFloat, s.ld * kFloat);
}

// Up to kRows rows.
template <int kRows>
void strip_of_rows(const Strip<float>& s, int64_t rows) {
  if constexpr (kRows > 0) {
    if (rows != kRows) return strip_of_rows<kRows - 1>(s, rows);
    check_strip(s, rows);
    multiply_strip<kRows>(s);
  }
}

void multiply_rows(const Strip<float>& s, int64_t rows) {
  strip_of_rows<kStrip<float>>(s, rows);
}
void multiply_rows(const Strip<Pair>& s, int64_t rows) {
  const bool stays = s.rounded == nullptr;
  multiply_pairs({.a = reinterpret_cast<const BFloat16*>(s.a),
                  .a_row = kTerms<Pair>,
                  .a_step = kTerms<Pair> * kPairStripRows,
                  .panel = s.panel,
                  .k = s.k,
                  .ahead = s.panel,
                  .plus = s.add ? s.sums : nullptr,
                  .ld_plus = s.ld,
                  .c = stays ? static_cast<void*>(s.sums) : s.rounded,
                  .ldc = stays ? s.ld : s.ld_rounded,
                  .output = stays ? DType::kF32 : DType::kBF16},
                 rows);
}

// The panel at the right edge has fewer columns: its sums take a way round.
template <class Word>
void narrow_strip(const Strip<Word>& s, int64_t rows, int64_t columns) {
  HWY_ALIGN float sums[static_cast<size_t>(kStrip<Word> * kPanel<Word>)];
  Strip<Word> whole = s;
  whole.sums = sums;
  whole.ld = kPanel<Word>;
  whole.add = false;
  whole.rounded = nullptr;
  multiply_rows(whole, rows);
  for (int64_t r = 0; r < rows; ++r) {
    const float* from = sums + r * kPanel<Word>;
    float* to = s.sums + r * s.ld;
    for (int64_t j = 0; j < columns; ++j) {
      const float sum = s.add ? to[j] + from[j] : from[j];
      if (s.rounded == nullptr) to[j] = sum;
      else s.rounded[r * s.ld_rounded + j] = BFloat16(sum);
    }
  }
}

// Memory that is wanted soon, in the second-level cache (the first is full of the panel before):
// `rows` of `bytes` bytes, `pitch` bytes apart.
struct Ahead {
  const char* from = nullptr;
  int64_t rows = 0, bytes = 0, pitch = 0;

  // The part of it that falls to strip `i` of `strips`.
  HWY_INLINE void fetch(int64_t i, int64_t strips) const {
    const int64_t each = ceil_div(rows, strips);
    for (int64_t r = i * each; r < std::min(rows, (i + 1) * each); ++r) {
      for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(from + r * pitch + at, 0, 2);
    }
  }
};

// All strips times a panel of `columns` columns.
template <class Word>
void multiply_panel(Strip<Word> s, int64_t rows, int64_t columns, const Ahead& ahead) {
  constexpr int64_t kEach = kStrip<Word>;
  const int64_t strips = ceil_div(rows, kEach);
  for (int64_t row = 0; row < rows; row += kEach) {
    const int64_t count = std::min(kEach, rows - row);
    ahead.fetch(row / kEach, strips);
    if (columns == kPanel<Word>) multiply_rows(s, count);
    else narrow_strip(s, count, columns);
    s.a += kEach * s.k;
    s.sums += kEach * s.ld;
    if (s.rounded != nullptr) s.rounded += kEach * s.ld_rounded;
  }
}

// Where the next `columns` columns of B come from; nothing if there are none.
template <class T>
Ahead source_of_panel(const BlockTile& t, const T* b, int64_t columns, int64_t k) {
  constexpr int64_t kSize = sizeof(T);
  const char* from = reinterpret_cast<const char*>(b);
  if (columns <= 0) return {};
  if (t.trans_b) return {from, columns, k * kSize, t.ldb * kSize};
  return {from, k, columns * kSize, t.ldb * kSize};
}

// A block of K that begins at `first`.
template <class T, class Word>
void multiply_block(const BlockTile& t, int64_t first, int64_t k, Word* scratch) {
  constexpr int64_t kWide = kPanel<Word>;
  const int64_t words = ceil_div(k, kTerms<Word>), b_step = t.trans_b ? t.ldb : 1;
  const T* a = static_cast<const T*>(t.a) + first * (t.trans_a ? t.lda : 1);
  const T* b = static_cast<const T*>(t.b) + first * (t.trans_b ? 1 : t.ldb);
  Word *panel = scratch, *strips = scratch + kPartWords<Word> * kWide;
  for (int64_t row = 0; row < t.m; row += kStrip<Word>) {
    pack_strip(t, a, row, k, strips + row * words);
  }
  for (int64_t column = 0; column < t.n; column += kWide, b += kWide * b_step) {
    const int64_t columns = std::min(kWide, t.n - column), next = t.n - column - kWide;
    pack_panel(t, b, columns, k, panel);
    const bool rounds = t.rounded != nullptr && first + k == t.k;
    const Strip<Word> strip{.a = strips,
                            .panel = panel,
                            .k = words,
                            .sums = t.sums + column,
                            .ld = t.ld_sums,
                            .add = t.accumulate || first > 0,
                            .rounded = rounds ? t.rounded + column : nullptr,
                            .ld_rounded = t.ld_rounded};
    multiply_panel(strip, t.m, columns,
                   source_of_panel(t, b + kWide * b_step, std::min(kWide, next), k));
  }
}

template <class T, class Word>
void multiply(const BlockTile& t, void* scratch) {
  constexpr int64_t kEach = kTerms<Word>;
  const int64_t size = part_of<Word>(ceil_div(t.k, kEach)) * kEach;
  for (int64_t first = 0; first < t.k; first += size) {
    multiply_block<T>(t, first, std::min(size, t.k - first), static_cast<Word*>(scratch));
  }
}

void block_tile(const BlockTile& tile, void* scratch) {
  if (tile.packed == Packed::kPairs) multiply<BFloat16, Pair>(tile, scratch);
  else if (tile.input == DType::kF32) multiply<float, float>(tile, scratch);
  else multiply<BFloat16, float>(tile, scratch);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(block_tile);

size_t block_tile_scratch_bytes(int64_t m, Packed packed) {
  const int64_t rows = round_up(m, kBlockTileRows);
  const int64_t part = packed == Packed::kPairs ? kPartWords<Pair> : kPartWords<float>;
  return (static_cast<size_t>(part * (kBlockTileColumns + rows)) + kVector) * sizeof(Pair);
}

void multiply_block_tile(const BlockTile& tile, void* scratch) {
  HWY_DYNAMIC_DISPATCH(block_tile)(tile, scratch);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
