// Products of panels on vector lanes: strips of rows of A are multiplied with a part of a packed
// panel of B that stays in the first-level cache, their sums in registers: 12 x 32 with AVX-512, 6
// x 16 with AVX2. Pairs are multiplied by AVX512-BF16 alone (pair_strip.h).
#include "kernels/gemm/panel_product.h"

#include <algorithm>
#include <type_traits>

#include "kernels/gemm/pair_strip.h"
#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"
#include "kernels/simd/unchecked.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/panel_product_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/gemm/packing-inl.h"

#ifndef WEFT_KERNELS_PANEL_PRODUCT_ONCE_
#define WEFT_KERNELS_PANEL_PRODUCT_ONCE_
namespace weft::kernels {

// While a part is multiplied, the next one is fetched into the second-level cache: a line with
// every so many of its rows, so that four strips fetch it. In one go it would hold up the loads.
constexpr int kFetchEvery = 4;
constexpr int64_t kLine = 16;  // floats
// Rows of B that are packed as one task.
constexpr int64_t kPackedRows = 32;
static_assert(kPanelColumns == kPairStripColumns && kPackedRows % kTerms<Pair> == 0);

inline int64_t panel_count(const GemmSpec& s) {
  return ceil_div(s.n, kPanelColumns) * (s.gated ? 2 : 1);
}

// Not what must be widened, nor what lies in as many pages as there are rows; nor pairs that lie
// apart, or whose last one is half another row's.
inline bool is_read_as_it_lies(const GemmSpec& s, Packed packed) {
  constexpr int64_t kMostApart = 256;  // floats
  if (packed == Packed::kPairs) return !s.trans_a && s.k % kTerms<Pair> == 0;
  return s.input == DType::kF32 && (!s.trans_a || s.lda <= kMostApart);
}

}  // namespace weft::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// Some rows of A times columns of a panel.
template <class Kind, class Out>
struct Strip {
  const typename Kind::Element* a = nullptr;
  int64_t lda = 0;
  const typename Kind::Word* panel = nullptr;  // rows of kPanelColumns
  int64_t k = 0;                               // words
  const typename Kind::Word* ahead = nullptr;  // a panel's next part, to be fetched meanwhile
  const float* plus = nullptr;  // what the sums are added to, in rows of ld_plus, or null
  int64_t ld_plus = 0;
  Out* c = nullptr;  // rows of ldc
  int64_t ldc = 0;
};

// ---- Floats -------------------------------------------------------------------------------------

// A's elements (r, k) for one k at a time. Rows of A:
template <int kRows>
struct ByRows {
  // Three rows to a pointer: x86 addresses p, p + lda and p + 2 lda directly.
  const float* rows[(kRows + 2) / 3];
  int64_t lda;

  HWY_INLINE explicit ByRows(const float* a, int64_t ld) : lda(ld) {
    HWY_UNROLL(4)
    for (int i = 0; i < (kRows + 2) / 3; ++i) rows[i] = a + 3 * i * ld;
  }
  HWY_INLINE V element(int r) const { return all(rows[r / 3][r % 3 * lda]); }
  HWY_INLINE void next() {
    HWY_UNROLL(4)
    for (auto& row : rows) ++row;
  }
  static void check(const float* a, int64_t lda, int64_t k) {
    check_rows(a, kRows, k * int64_t{sizeof(float)}, lda * int64_t{sizeof(float)});
  }
};

// ... and columns of what is A transposed.
template <int kRows>
struct ByColumns {
  const float* column;
  int64_t lda;

  HWY_INLINE explicit ByColumns(const float* a, int64_t ld) : column(a), lda(ld) {}
  HWY_INLINE V element(int r) const { return all(column[r]); }
  HWY_INLINE void next() { column += lda; }
  static void check(const float* a, int64_t lda, int64_t k) {
    check_rows(a, k, kRows * int64_t{sizeof(float)}, lda * int64_t{sizeof(float)});
  }
};

// How a tile is multiplied: the elements that A is read as and where they lie, the words of panels,
// and how many sums are made at a time.
struct Floats {
  using Element = float;
  using Word = float;
  // Two vectors: a part of a packed panel where they are shorter than 16 floats.
  static constexpr int64_t kColumns = 2 * kLanes, kStrip = kLanes >= 16 ? 12 : 6;
};
struct FloatRows : Floats {
  template <int kRows>
  using Elements = ByRows<kRows>;
  static int64_t row_step(int64_t ld) { return ld; }
  static int64_t k_step(int64_t) { return 1; }
};
struct FloatColumns : Floats {
  template <int kRows>
  using Elements = ByColumns<kRows>;
  static int64_t row_step(int64_t) { return 1; }
  static int64_t k_step(int64_t ld) { return ld; }
};

// Whole vectors alone: what could call a function would cost the loop its registers.
template <int kRows, class Kind, class Out>
HWY_NOINLINE WEFT_UNCHECKED void multiply_strip(const Strip<Kind, Out>& s) {
  V left[kRows], right[kRows];
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    left[r] = right[r] = zeros();
    __builtin_prefetch(s.c + r * s.ldc, 1);
    if constexpr (sizeof(Out) == sizeof(float)) __builtin_prefetch(s.c + r * s.ldc + kLanes, 1);
  }
  typename Kind::template Elements<kRows> a(s.a, s.lda);
  const float *b = s.panel, *ahead = s.ahead;
  const auto multiply_row = [&]() WEFT_LANES {
    const V b_left = load(b, Full()), b_right = load(b + kLanes, Full());
    HWY_UNROLL(12)
    for (int r = 0; r < kRows; ++r) {
      const V element = a.element(r);
      left[r] = hn::MulAdd(element, b_left, left[r]);
      right[r] = hn::MulAdd(element, b_right, right[r]);
    }
    b += kPanelColumns;
    a.next();
  };
  int64_t k = 0;
  for (; k + kFetchEvery <= s.k; k += kFetchEvery, ahead += kLine) {
    __builtin_prefetch(ahead, 0, 2);
    HWY_UNROLL(4)
    for (int i = 0; i < kFetchEvery; ++i) multiply_row();
  }
  for (; k < s.k; ++k) multiply_row();
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    Out* row = s.c + r * s.ldc;
    if (s.plus != nullptr) {
      const float* plus = s.plus + r * s.ld_plus;
      left[r] = hn::Add(load(plus, Full()), left[r]);
      right[r] = hn::Add(load(plus + kLanes, Full()), right[r]);
    }
    store(left[r], row, Full());
    store(right[r], row + kLanes, Full());
  }
}

template <int kRows, class Kind, class Out>
void check_strip(const Strip<Kind, Out>& s) {
  Kind::template Elements<kRows>::check(s.a, s.lda, s.k);
  constexpr int64_t kBytes = Kind::kColumns * int64_t{sizeof(float)};
  check_rows(s.panel, s.k, kBytes, kPanelColumns * int64_t{sizeof(float)});
  if (s.plus != nullptr) check_rows(s.plus, kRows, kBytes, s.ld_plus * int64_t{sizeof(float)});
  check_rows(s.c, kRows, Kind::kColumns * int64_t{sizeof(Out)}, s.ldc * int64_t{sizeof(Out)});
}

// Up to kRows rows.
template <int kRows, class Kind, class Out>
void strip_of_rows(const Strip<Kind, Out>& s, int64_t rows) {
  if constexpr (kRows > 0) {
    if (rows != kRows) return strip_of_rows<kRows - 1>(s, rows);
    check_strip<kRows>(s);
    multiply_strip<kRows>(s);
  }
}

// Returns how many words of `ahead` have been fetched.
template <class Kind, class Out>
int64_t multiply_some(const Strip<Kind, Out>& s, int64_t rows) {
  strip_of_rows<Kind::kStrip>(s, rows);
  return s.k / kFetchEvery * kLine;
}

// ---- Pairs --------------------------------------------------------------------------------------

struct Pairs {
  using Element = BFloat16;
  using Word = Pair;
  static constexpr int64_t kColumns = kPairStripColumns, kStrip = kPairStripRows;
};
struct PairRows : Pairs {
  static int64_t row_step(int64_t ld) { return ld; }
  static int64_t k_step(int64_t) { return kTerms<Pair>; }
};
// Packed: rows of lda elements hold a pair of each row.
struct PairColumns : Pairs {
  static int64_t row_step(int64_t) { return kTerms<Pair>; }
  static int64_t k_step(int64_t ld) { return ld; }
};

template <class Kind, class Out>
requires std::is_base_of_v<Pairs, Kind> int64_t multiply_some(const Strip<Kind, Out>& s,
                                                              int64_t rows) {
  multiply_pairs({.a = s.a,
                  .a_row = Kind::row_step(s.lda),
                  .a_step = Kind::k_step(s.lda),
                  .panel = s.panel,
                  .k = s.k,
                  .ahead = s.ahead,
                  .plus = s.plus,
                  .ld_plus = s.ld_plus,
                  .c = s.c,
                  .ldc = s.ldc,
                  .output = kDTypeOf<Out>},
                 rows);
  return s.k / kPairFetchEvery * kPairsOfLine;
}

// ---- Tiles --------------------------------------------------------------------------------------

// All rows of a tile.
template <class Kind, class Out>
void multiply_rows(Strip<Kind, Out> s, int64_t rows) {
  for (int64_t row = 0; row < rows; row += Kind::kStrip) {
    s.ahead += multiply_some(s, std::min(Kind::kStrip, rows - row));
    s.a += Kind::kStrip * Kind::row_step(s.lda);
    s.c += Kind::kStrip * s.ldc;
    if (s.plus != nullptr) s.plus += Kind::kStrip * s.ld_plus;
  }
}

// The right edge has fewer columns than the sums.
template <class Kind, class Out>
void store_narrow(const Strip<Kind, Out>& s, const float* sums, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < columns; ++j) {
      const float plus = s.plus == nullptr ? 0.0f : s.plus[r * s.ld_plus + j];
      s.c[r * s.ldc + j] = Out(plus + sums[r * Kind::kColumns + j]);
    }
  }
}

// A tile times `columns` columns of a panel, a part of K after the other.
template <class Kind, class Out>
void multiply_columns(const Strip<Kind, Out>& s, int64_t rows, int64_t columns) {
  HWY_ALIGN float sums[static_cast<size_t>(kPanelTileRows * Kind::kColumns)];
  const bool narrow = columns < Kind::kColumns;
  const int64_t size = part_of<typename Kind::Word>(s.k);
  for (int64_t first = 0; first < s.k; first += size) {
    Strip<Kind, Out> part = s;
    part.a += first * Kind::k_step(s.lda);
    part.panel += first * kPanelColumns;
    part.k = std::min(size, s.k - first);
    part.ahead = part.panel + part.k * kPanelColumns;
    if (narrow) part.plus = nullptr;
    if (first > 0) part.plus = sums, part.ld_plus = Kind::kColumns;
    if (first + size >= s.k && !narrow) multiply_rows(part, rows);
    else
      multiply_rows(Strip<Kind, float>{part.a, part.lda, part.panel, part.k, part.ahead, part.plus,
                                       part.ld_plus, sums, Kind::kColumns},
                    rows);
  }
  if (narrow) store_narrow(s, sums, rows, columns);
}

// A's rows where they are packed: floats as they lie but dense, pairs as columns of pairs.
template <class T>
void pack_floats(const GemmSpec& s, const T* a, int64_t rows, void* to) {
  const int64_t count = s.trans_a ? s.k : rows, length = s.trans_a ? rows : s.k;
  copy_rows<T, float>({a, s.lda, length, count, static_cast<float*>(to), length});
}
void pack_pairs(const GemmSpec& s, const BFloat16* a, int64_t rows, void* to) {
  const Block<BFloat16, Pair> block{a, s.lda, rows, s.k, static_cast<Pair*>(to), rows};
  if (s.trans_a) copy_rows(block);
  else transpose(block);
}
void panel_rows(const GemmSpec& s, const void* a, int64_t rows, Packed packed, void* to) {
  if (packed == Packed::kPairs) pack_pairs(s, static_cast<const BFloat16*>(a), rows, to);
  else if (s.input == DType::kF32) pack_floats(s, static_cast<const float*>(a), rows, to);
  else pack_floats(s, static_cast<const BFloat16*>(a), rows, to);
}

template <class Kind, class Out>
void multiply(const GemmSpec& s, const PanelTile& tile, int64_t lda) {
  constexpr int64_t kColumns = Kind::kColumns;
  const int64_t words = ceil_div(s.k, kTerms<typename Kind::Word>);
  Out* c = static_cast<Out*>(tile.c);
  Strip<Kind, Out> strip{.a = static_cast<const typename Kind::Element*>(tile.a),
                         .lda = lda,
                         .k = words,
                         .ld_plus = tile.ld_plus,
                         .ldc = tile.ldc};
  for (int64_t column = 0; column < tile.columns; column += kColumns) {
    strip.panel = static_cast<const typename Kind::Word*>(tile.panels) +
                  column / kPanelColumns * kPanelColumns * words + column % kPanelColumns;
    if (tile.plus != nullptr) strip.plus = tile.plus + column;
    strip.c = c + column;
    multiply_columns(strip, tile.rows, std::min(kColumns, tile.columns - column));
  }
}

template <class Kind>
void multiply_into(const GemmSpec& s, const PanelTile& tile, int64_t lda) {
  if (tile.output == DType::kF32) multiply<Kind, float>(s, tile, lda);
  else multiply<Kind, BFloat16>(s, tile, lda);
}

void panel_tile(const GemmSpec& s, const PanelTile& tile) {
  const bool lies = is_read_as_it_lies(s, tile.packed);
  if (tile.packed == Packed::kPairs) {
    if (lies) multiply_into<PairRows>(s, tile, s.lda);
    else multiply_into<PairColumns>(s, tile, kTerms<Pair> * tile.rows);
  } else if (s.trans_a) {
    multiply_into<FloatColumns>(s, tile, lies ? s.lda : tile.rows);
  } else {
    multiply_into<FloatRows>(s, tile, lies ? s.lda : s.k);
  }
}

struct RowRange {
  int64_t first, count;
};

// Some rows of a panel.
template <class T, class Word>
void pack_panel(const GemmSpec& s, const T* b, int64_t panel, RowRange rows, Word* packed) {
  const int64_t each = ceil_div(s.n, kPanelColumns), in_half = panel % each * kPanelColumns;
  const int64_t column = panel / each * s.n + in_half;
  const int64_t columns = std::min(kPanelColumns, s.n - in_half);
  const int64_t words = ceil_div(s.k, kTerms<Word>), first = rows.first / kTerms<Word>;
  Word* to = packed + (panel * words + first) * kPanelColumns;
  if (columns < kPanelColumns)
    std::fill(to, to + ceil_div(rows.count, kTerms<Word>) * kPanelColumns, Word{0});
  const T* from = b + (s.trans_b ? column * s.ldb + rows.first : rows.first * s.ldb + column);
  const Block<T, Word> block{from, s.ldb, columns, rows.count, to, kPanelColumns};
  if (s.trans_b) transpose(block);
  else copy_rows(block);
}

// Memory is read as it lies: a panel is rows of what is B transposed; rows of B are parts of
// panels.
template <class T, class Word>
void pack(const GemmSpec& s, const void* b, int64_t task, void* packed) {
  const T* from = static_cast<const T*>(b);
  Word* to = static_cast<Word*>(packed);
  if (s.trans_b) return pack_panel(s, from, task, {0, s.k}, to);
  const int64_t first = task * kPackedRows;
  const RowRange rows{first, std::min(kPackedRows, s.k - first)};
  for (int64_t panel = 0; panel < panel_count(s); ++panel) pack_panel(s, from, panel, rows, to);
}

void panel_pack(const GemmSpec& s, const void* b, int64_t task, Packed packed, void* to) {
  if (packed == Packed::kPairs) pack<BFloat16, Pair>(s, b, task, to);
  else if (s.input == DType::kF32) pack<float, float>(s, b, task, to);
  else pack<BFloat16, float>(s, b, task, to);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {
namespace {

// Measured on one Emerald Rapids core (2 MiB of second-level cache) against float tiles. B packed
// in that cache: 133 to 162 GFLOP/s against 113 to 155 at a width of 128. B in the third-level
// cache, which takes some rows to pay for the packing: 142 against 136 on average over GPT-2's
// shapes at 4,096 rows, 119 against 127 at 256.
constexpr int64_t kNear = 1 << 19, kFar = 1 << 22;  // words: 2 and 16 MiB
constexpr int64_t kRowsThatPay = 1024;
constexpr int64_t kLargestNearK = 1024, kLargestFarK = 4096;

}  // namespace

HWY_EXPORT(panel_tile);
HWY_EXPORT(panel_pack);
HWY_EXPORT(panel_rows);

bool suits_panels(const GemmSpec& spec, Packed packed) {
  const int64_t words = words_of(spec.k, packed);
  const int64_t in_all = panel_count(spec) * kPanelColumns * words;
  if (words <= kLargestNearK && in_all <= kNear) return true;
  return words <= kLargestFarK && in_all <= kFar && spec.m >= kRowsThatPay && !spec.trans_a;
}

size_t panels_bytes(const GemmSpec& spec, Packed packed) {
  return static_cast<size_t>(words_of(spec.k, packed) * round_up(spec.n, kPanelColumns)) *
         sizeof(Pair);
}

int64_t panel_pack_tasks(const GemmSpec& spec) {
  return spec.trans_b ? panel_count(spec) : ceil_div(spec.k, kPackedRows);
}

void pack_panels(const GemmSpec& spec, const void* b, int64_t task, Packed packed, void* to) {
  HWY_DYNAMIC_DISPATCH(panel_pack)(spec, b, task, packed, to);
}

size_t panel_rows_bytes(const GemmSpec& spec, Packed packed, int64_t rows) {
  if (is_read_as_it_lies(spec, packed)) return 0;
  return aligned(static_cast<size_t>(words_of(spec.k, packed) * rows) * sizeof(Pair));
}

void pack_panel_rows(const GemmSpec& spec, const void* a, int64_t rows, Packed packed, void* to) {
  HWY_DYNAMIC_DISPATCH(panel_rows)(spec, a, rows, packed, to);
}

void multiply_panels(const GemmSpec& spec, const PanelTile& tile) {
  HWY_DYNAMIC_DISPATCH(panel_tile)(spec, tile);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
