// The float tile on vector lanes. For each block of K, A's part becomes strips of a few rows,
// [k, kStrip] each, in the second-level cache; B's becomes panels of two vectors of columns,
// [k, kPanel], one at a time, in the first-level cache. Every strip is then multiplied with the
// panel in registers: 12 x 32 sums with AVX-512, 6 x 16 with AVX2.
#include "kernels/gemm/float_product.h"

#include <algorithm>

#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"
#include "kernels/simd/unchecked.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/float_product_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/gemm/packing-inl.h"

#ifndef WEFT_KERNELS_FLOAT_PRODUCT_ONCE_
#define WEFT_KERNELS_FLOAT_PRODUCT_ONCE_
namespace weft::kernels {

// A panel of so many rows (32 KiB of AVX-512's 32 columns) leaves room for a strip in 48 KiB of
// first-level cache.
constexpr int64_t kBlockK = 256;
constexpr int64_t kVector = 16;  // floats, the longest

}  // namespace weft::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

constexpr int64_t kPanel = 2 * kLanes;
// Sums in registers: 24 of AVX-512's 32 vectors, 12 of the 16 that others have.
constexpr int64_t kStrip = kLanes >= 16 ? 12 : 6;

// ---- Packing ------------------------------------------------------------------------------------

// Rows of a whole strip, in whole vectors: what is too much of a row is written
// over by the next one, and the last one's by the next strip or into the end of the scratch memory.
template <class T>
void copy_strip(const T* from, int64_t ld, int64_t k, float* to) {
  for (int64_t i = 0; i < k; ++i, from += ld, to += kStrip) {
    for (int64_t j = 0; j < kStrip; j += kLanes) store(load(from + j, Full()), to + j, Full());
  }
}

// A's rows from `row` on, in a block of K.
template <class T>
void pack_strip(const FloatTile& t, const T* a, int64_t row, int64_t k, float* to) {
  constexpr int64_t kWhole = round_up(kStrip, kLanes);
  const int64_t rows = std::min(kStrip, t.m - row);
  if (!t.trans_a) return transpose<T>({a + row * t.lda, t.lda, rows, k, to, kStrip});
  if (row + kWhole <= t.readable) copy_strip(a + row, t.lda, k, to);
  else copy_rows<T>({a + row, t.lda, k, rows, to, kStrip});
}

template <class T>
void pack_panel(const FloatTile& t, const T* b, int64_t columns, int64_t k, float* to) {
  if (columns < kPanel) std::fill(to, to + k * kPanel, 0.0f);
  if (t.trans_b) return transpose<T>({b, t.ldb, columns, k, to, kPanel});
  copy_rows<T>({b, t.ldb, k, columns, to, kPanel});
}

// ---- Products -----------------------------------------------------------------------------------

struct Strip {
  const float* a;      // [k, kStrip]
  const float* panel;  // [k, kPanel]
  int64_t k;
  float* sums;  // rows of ld
  int64_t ld;
  bool add;  // to the sums of the blocks of K before
};

// Whole vectors alone: what could call a function would cost the loop its registers.
template <int kRows>
HWY_NOINLINE WEFT_UNCHECKED void multiply_strip(const Strip& s) {
  V left[kRows], right[kRows];
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) left[r] = right[r] = zeros();
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    __builtin_prefetch(s.sums + r * s.ld, 1);
    __builtin_prefetch(s.sums + r * s.ld + kLanes, 1);
  }
  const float *a = s.a, *b = s.panel;
  for (int64_t k = 0; k < s.k; ++k, a += kStrip, b += kPanel) {
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

void check_strip(const Strip& s, int64_t rows) {
  constexpr int64_t kFloat = sizeof(float);
  check_memory(s.a, s.k * kStrip * kFloat);
  check_memory(s.panel, s.k * kPanel * kFloat);
  check_rows(s.sums, rows, kPanel * kFloat, s.ld * kFloat);
}

// Up to kRows rows.
template <int kRows>
void strip_of_rows(const Strip& s, int64_t rows) {
  if constexpr (kRows > 0) {
    if (rows != kRows) return strip_of_rows<kRows - 1>(s, rows);
    check_strip(s, rows);
    multiply_strip<kRows>(s);
  }
}

// The panel at the right edge has fewer columns: its sums take a way round.
void narrow_strip(const Strip& s, int64_t rows, int64_t columns) {
  HWY_ALIGN float sums[static_cast<size_t>(kStrip * kPanel)];
  Strip whole = s;
  whole.sums = sums;
  whole.ld = kPanel;
  whole.add = false;
  strip_of_rows<kStrip>(whole, rows);
  for (int64_t r = 0; r < rows; ++r) {
    const float* from = sums + r * kPanel;
    float* to = s.sums + r * s.ld;
    for (int64_t j = 0; j < columns; ++j) to[j] = s.add ? to[j] + from[j] : from[j];
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
void multiply_panel(Strip s, int64_t rows, int64_t columns, const Ahead& ahead) {
  const int64_t strips = ceil_div(rows, kStrip);
  for (int64_t row = 0; row < rows; row += kStrip) {
    const int64_t count = std::min(kStrip, rows - row);
    ahead.fetch(row / kStrip, strips);
    if (columns == kPanel) strip_of_rows<kStrip>(s, count);
    else narrow_strip(s, count, columns);
    s.a += kStrip * s.k;
    s.sums += kStrip * s.ld;
  }
}

// Where the panel that begins at `column` comes from; nothing if there is none.
template <class T>
Ahead source_of_panel(const FloatTile& t, const T* b, int64_t column, int64_t k) {
  constexpr int64_t kSize = sizeof(T);
  const int64_t columns = std::min(kPanel, t.n - column);
  if (columns <= 0) return {};
  if (t.trans_b) {
    return {reinterpret_cast<const char*>(b + column * t.ldb), columns, k * kSize, t.ldb * kSize};
  }
  return {reinterpret_cast<const char*>(b + column), k, columns * kSize, t.ldb * kSize};
}

// A block of K that begins at `first`.
template <class T>
void multiply_block(const FloatTile& t, int64_t first, int64_t k, float* scratch) {
  const T* a = static_cast<const T*>(t.a) + first * (t.trans_a ? t.lda : 1);
  const T* b = static_cast<const T*>(t.b) + first * (t.trans_b ? 1 : t.ldb);
  float *panel = scratch, *strips = scratch + kBlockK * kPanel;
  for (int64_t row = 0; row < t.m; row += kStrip) pack_strip(t, a, row, k, strips + row * k);
  for (int64_t column = 0; column < t.n; column += kPanel) {
    const int64_t columns = std::min(kPanel, t.n - column);
    pack_panel(t, b + column * (t.trans_b ? t.ldb : 1), columns, k, panel);
    const Strip strip{strips, panel, k, t.sums + column, t.ld_sums, t.accumulate || first > 0};
    multiply_panel(strip, t.m, columns, source_of_panel(t, b, column + kPanel, k));
  }
}

template <class T>
void multiply(const FloatTile& t, float* scratch) {
  const int64_t blocks = ceil_div(t.k, kBlockK), size = ceil_div(t.k, blocks);
  for (int64_t first = 0; first < t.k; first += size) {
    multiply_block<T>(t, first, std::min(size, t.k - first), scratch);
  }
}

void float_tile(const FloatTile& tile, float* scratch) {
  if (tile.input == DType::kF32) multiply<float>(tile, scratch);
  else multiply<BFloat16>(tile, scratch);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(float_tile);

size_t float_tile_scratch_bytes(int64_t m) {
  const int64_t rows = round_up(m, kFloatTileRows);
  return (static_cast<size_t>(kBlockK * (kFloatTileColumns + rows)) + kVector) * sizeof(float);
}

void multiply_float_tile(const FloatTile& tile, void* scratch) {
  HWY_DYNAMIC_DISPATCH(float_tile)(tile, static_cast<float*>(scratch));
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
