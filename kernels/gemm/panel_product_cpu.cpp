// Products of panels on vector lanes: strips of rows of A are multiplied with a part of a packed
// panel of B that stays in the first-level cache, their sums in registers: 12 x 32 with AVX-512, 6
// x 16 with AVX2.
#include "kernels/gemm/panel_product.h"

#include <algorithm>
#include <type_traits>

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

// A panel's part of so many rows takes 32 KiB.
constexpr int64_t kPartK = 256;
// While a part is multiplied, the next one is fetched into the second-level cache: a line with
// every so many of its rows, so that four strips fetch it. In one go it would hold up the loads.
constexpr int kFetchEvery = 4;
constexpr int64_t kLine = 16;  // floats
// Rows of B that are packed as one task.
constexpr int64_t kPackedRows = 32;

inline int64_t panel_count(const GemmSpec& s) {
  return ceil_div(s.n, kPanelColumns) * (s.gated ? 2 : 1);
}

// Not what must be widened, nor what lies in as many pages as there are rows.
inline bool is_read_as_it_lies(const GemmSpec& s) {
  constexpr int64_t kMostApart = 256;  // floats
  return s.input == DType::kF32 && (!s.trans_a || s.lda <= kMostApart);
}

}  // namespace weft::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// Two vectors of columns: a part of a packed panel where vectors are shorter than 16 floats.
constexpr int64_t kColumns = 2 * kLanes;
constexpr int kStrip = kLanes >= 16 ? 12 : 6;

// Some rows of A times columns of a panel.
template <class Out>
struct Strip {
  const float* a;
  int64_t lda;
  const float* panel;  // rows of kPanelColumns
  int64_t k;
  const float* ahead;  // a panel's next part, to be fetched meanwhile
  const float* plus;   // what the sums are added to, in rows of ld_plus, or null
  int64_t ld_plus;
  Out* c;  // rows of ldc
  int64_t ldc;
};

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
  static int64_t row_step(int64_t ld) { return ld; }
  static int64_t k_step(int64_t) { return 1; }
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
  static int64_t row_step(int64_t) { return 1; }
  static int64_t k_step(int64_t ld) { return ld; }
  HWY_INLINE V element(int r) const { return all(column[r]); }
  HWY_INLINE void next() { column += lda; }
  static void check(const float* a, int64_t lda, int64_t k) {
    check_rows(a, k, kRows * int64_t{sizeof(float)}, lda * int64_t{sizeof(float)});
  }
};

// Whole vectors alone: what could call a function would cost the loop its registers.
template <int kRows, template <int> class Elements, class Out>
HWY_NOINLINE WEFT_UNCHECKED void multiply_strip(const Strip<Out>& s) {
  V left[kRows], right[kRows];
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    left[r] = right[r] = zeros();
    __builtin_prefetch(s.c + r * s.ldc, 1);
    if constexpr (sizeof(Out) == sizeof(float)) __builtin_prefetch(s.c + r * s.ldc + kLanes, 1);
  }
  Elements<kRows> a(s.a, s.lda);
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

template <int kRows, template <int> class Elements, class Out>
void check_strip(const Strip<Out>& s) {
  Elements<kRows>::check(s.a, s.lda, s.k);
  constexpr int64_t kBytes = kColumns * int64_t{sizeof(float)};
  check_rows(s.panel, s.k, kBytes, kPanelColumns * int64_t{sizeof(float)});
  if (s.plus != nullptr) check_rows(s.plus, kRows, kBytes, s.ld_plus * int64_t{sizeof(float)});
  check_rows(s.c, kRows, kColumns * int64_t{sizeof(Out)}, s.ldc * int64_t{sizeof(Out)});
}

// Up to kRows rows.
template <int kRows, template <int> class Elements, class Out>
void strip_of_rows(const Strip<Out>& s, int64_t rows) {
  if constexpr (kRows > 0) {
    if (rows != kRows) return strip_of_rows<kRows - 1, Elements>(s, rows);
    check_strip<kRows, Elements>(s);
    multiply_strip<kRows, Elements>(s);
  }
}

// All rows of a tile.
template <template <int> class Elements, class Out>
void multiply_rows(Strip<Out> s, int64_t rows) {
  for (int64_t row = 0; row < rows; row += kStrip) {
    strip_of_rows<kStrip, Elements>(s, std::min<int64_t>(kStrip, rows - row));
    s.a += kStrip * Elements<1>::row_step(s.lda);
    s.c += kStrip * s.ldc;
    s.ahead += s.k / kFetchEvery * kLine;
    if (s.plus != nullptr) s.plus += kStrip * s.ld_plus;
  }
}

// The right edge has fewer columns than the sums.
template <class Out>
void store_narrow(const Strip<Out>& s, const float* sums, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < columns; ++j) {
      const float plus = s.plus == nullptr ? 0.0f : s.plus[r * s.ld_plus + j];
      s.c[r * s.ldc + j] = Out(plus + sums[r * kColumns + j]);
    }
  }
}

// A tile times `columns` columns of a panel, a part of K after the other.
template <template <int> class Elements, class Out>
void multiply_columns(const Strip<Out>& s, int64_t rows, int64_t columns) {
  HWY_ALIGN float sums[static_cast<size_t>(kPanelTileRows * kColumns)];
  const bool narrow = columns < kColumns;
  const int64_t size = ceil_div(s.k, ceil_div(s.k, kPartK));
  for (int64_t first = 0; first < s.k; first += size) {
    Strip<Out> part = s;
    part.a += first * Elements<1>::k_step(s.lda);
    part.panel += first * kPanelColumns;
    part.k = std::min(size, s.k - first);
    part.ahead = part.panel + part.k * kPanelColumns;
    if (narrow) part.plus = nullptr;
    if (first > 0) part.plus = sums, part.ld_plus = kColumns;
    if (first + size >= s.k && !narrow) multiply_rows<Elements>(part, rows);
    else
      multiply_rows<Elements>(Strip<float>{part.a, part.lda, part.panel, part.k, part.ahead,
                                           part.plus, part.ld_plus, sums, kColumns},
                              rows);
  }
  if (narrow) store_narrow(s, sums, rows, columns);
}

struct FloatRows {
  const float* a;
  int64_t lda;
};

// The tile's part of A: itself, or dense.
template <class T>
FloatRows float_rows(const T* a, const GemmSpec& s, int64_t rows, float* dense) {
  if constexpr (std::is_same_v<T, float>) {
    if (is_read_as_it_lies(s)) return {a, s.lda};
  }
  const int64_t count = s.trans_a ? s.k : rows, length = s.trans_a ? rows : s.k;
  copy_rows<T>({a, s.lda, count, length, dense, length});
  return {dense, length};
}

template <class T, class Out>
void multiply(const GemmSpec& s, const PanelTile& tile) {
  const T* a = static_cast<const T*>(tile.a) + tile.first_row * (s.trans_a ? 1 : s.lda);
  const FloatRows rows = float_rows(a, s, tile.rows, static_cast<float*>(tile.scratch));
  Out* c = static_cast<Out*>(tile.c);
  Strip<Out> strip{rows.a,  rows.lda,     nullptr, s.k,     nullptr,
                   nullptr, tile.ld_plus, nullptr, tile.ldc};
  for (int64_t column = 0; column < tile.columns; column += kColumns) {
    strip.panel =
        tile.panels + column / kPanelColumns * kPanelColumns * s.k + column % kPanelColumns;
    if (tile.plus != nullptr) strip.plus = tile.plus + column;
    strip.c = c + column;
    const int64_t columns = std::min(kColumns, tile.columns - column);
    if (s.trans_a) multiply_columns<ByColumns>(strip, tile.rows, columns);
    else multiply_columns<ByRows>(strip, tile.rows, columns);
  }
}

template <class T>
void multiply_into(const GemmSpec& spec, const PanelTile& tile) {
  if (tile.output == DType::kF32) multiply<T, float>(spec, tile);
  else multiply<T, BFloat16>(spec, tile);
}

void panel_tile(const GemmSpec& spec, const PanelTile& tile) {
  if (spec.input == DType::kF32) multiply_into<float>(spec, tile);
  else multiply_into<BFloat16>(spec, tile);
}

struct RowRange {
  int64_t first, count;
};

// Some rows of a panel.
template <class T>
void pack_panel(const GemmSpec& s, const T* b, int64_t panel, RowRange rows, float* packed) {
  const int64_t each = ceil_div(s.n, kPanelColumns), in_half = panel % each * kPanelColumns;
  const int64_t column = panel / each * s.n + in_half;
  const int64_t columns = std::min(kPanelColumns, s.n - in_half);
  float* to = packed + (panel * s.k + rows.first) * kPanelColumns;
  if (columns < kPanelColumns) std::fill(to, to + rows.count * kPanelColumns, 0.0f);
  if (s.trans_b)
    transpose<T>({b + column * s.ldb + rows.first, s.ldb, columns, rows.count, to, kPanelColumns});
  else
    copy_rows<T>({b + rows.first * s.ldb + column, s.ldb, rows.count, columns, to, kPanelColumns});
}

// Memory is read as it lies: a panel is rows of what is B transposed; rows of B are parts of
// panels.
template <class T>
void pack(const GemmSpec& s, const T* b, int64_t task, float* packed) {
  if (s.trans_b) return pack_panel(s, b, task, {0, s.k}, packed);
  const int64_t first = task * kPackedRows;
  const RowRange rows{first, std::min(kPackedRows, s.k - first)};
  for (int64_t panel = 0; panel < panel_count(s); ++panel) pack_panel(s, b, panel, rows, packed);
}

void panel_pack(const GemmSpec& s, const void* b, int64_t task, float* packed) {
  if (s.input == DType::kF32) pack(s, static_cast<const float*>(b), task, packed);
  else pack(s, static_cast<const BFloat16*>(b), task, packed);
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
constexpr int64_t kNear = 1 << 19, kFar = 1 << 22;  // floats: 2 and 16 MiB
constexpr int64_t kRowsThatPay = 1024;
constexpr int64_t kLargestNearK = 1024, kLargestFarK = 4096;

}  // namespace

HWY_EXPORT(panel_tile);
HWY_EXPORT(panel_pack);

bool suits_panels(const GemmSpec& spec) {
  const int64_t packed = panel_count(spec) * kPanelColumns * spec.k;
  if (spec.k <= kLargestNearK && packed <= kNear) return true;
  return spec.k <= kLargestFarK && packed <= kFar && spec.m >= kRowsThatPay && !spec.trans_a;
}

size_t panels_bytes(const GemmSpec& spec) {
  return static_cast<size_t>(spec.k * round_up(spec.n, kPanelColumns)) * sizeof(float);
}

int64_t panel_pack_tasks(const GemmSpec& spec) {
  return spec.trans_b ? panel_count(spec) : ceil_div(spec.k, kPackedRows);
}

void pack_panels(const GemmSpec& spec, const void* b, int64_t task, float* packed) {
  HWY_DYNAMIC_DISPATCH(panel_pack)(spec, b, task, packed);
}

size_t panel_scratch_bytes(const GemmSpec& spec, int64_t rows) {
  return is_read_as_it_lies(spec) ? 0 : static_cast<size_t>(spec.k * rows) * sizeof(float);
}

void multiply_panels(const GemmSpec& spec, const PanelTile& tile) {
  HWY_DYNAMIC_DISPATCH(panel_tile)(spec, tile);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
