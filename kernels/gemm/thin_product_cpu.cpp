// Thin products on vector lanes: dot products along the rows of B where it is transposed, else sums
// of B's rows, a few rows at a time so that the sums are seldom loaded. Either way a core reads
// several streams of memory that lie far apart, each without a leap: it follows them all at one
// time, and so has more of them under way than of one. On a Zen 4 core rows that follow each other
// come at 9 to 19 GB/s, streams at 20 to 28, and less if they are prefetched, too.
#include "kernels/gemm/thin_product.h"

#include <algorithm>

#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/thin_product_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include <hwy/cache_control.h>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

template <class T>
struct ThinTile {
  const T* a;
  const T* b;
  int64_t k, lda, ldb, columns, ld_sums;
  float* sums;
};

// Vectors that a block may hold: half of the registers.
constexpr int kHeld = HWY_TARGET == HWY_AVX3 ? 16 : 8;
// Dot products that are summed together.
template <int kRows>
constexpr int kDots = kRows * 4 <= kHeld ? 4 : (kRows * 2 <= kHeld ? 2 : 1);
constexpr int kDepth = kHeld / 2;  // rows of B that are added to the sums together, a stream each
constexpr int64_t kBytesAhead = 3072;  // of each stream of dot products

// The columns of a block of dot products (rows of B, that is), `stride` apart, and how many rows
// after each of them memory is fetched ahead.
struct DotColumns {
  int64_t first, stride, ahead;
};

// kRows x kColumns dot products of length k; each vector of B's rows is loaded once.
template <int kRows, int kColumns, class T>
void dot_block(const ThinTile<T>& t, const DotColumns& columns) {
  V sums[kRows][kColumns];
  HWY_UNROLL(8)
  for (auto& row : sums) {
    HWY_UNROLL(8)
    for (V& sum : row) sum = zeros();
  }
  for_lanes(t.k, [&](int64_t i, auto extent) WEFT_LANES {
    V b[kColumns];
    HWY_UNROLL(8)
    for (int j = 0; j < kColumns; ++j) {
      const T* at = t.b + (columns.first + j * columns.stride) * t.ldb + i;
      hwy::Prefetch(at + columns.ahead * t.ldb);
      b[j] = load(at, extent);
    }
    HWY_UNROLL(8)
    for (int r = 0; r < kRows; ++r) {
      const V a = load(t.a + r * t.lda + i, extent);
      HWY_UNROLL(8)
      for (int j = 0; j < kColumns; ++j) sums[r][j] = hn::MulAdd(a, b[j], sums[r][j]);
    }
  });
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(8)
    for (int j = 0; j < kColumns; ++j) {
      const int64_t column = columns.first + j * columns.stride;
      t.sums[r * t.ld_sums + column] = sum_of_lanes(sums[r][j]);
    }
  }
}

template <int kRows, class T>
void multiply_transposed(const ThinTile<T>& t) {
  constexpr int kStreams = kDots<kRows>;
  const int64_t row_bytes = t.ldb * static_cast<int64_t>(sizeof(T));
  const int64_t ahead = ceil_div(kBytesAhead, row_bytes), length = t.columns / kStreams;
  for (int64_t i = 0; i < length; ++i) {
    dot_block<kRows, kStreams>(t, {i, length, i + ahead < length ? ahead : 0});
  }
  for (int64_t column = length * kStreams; column < t.columns; ++column) {
    dot_block<kRows, 1>(t, {column, 0, 0});
  }
}

// Rows of B from `first` on, `stride` apart, and the elements of A that they are multiplied with.
template <int kRows, int kCount, class T>
struct RowBlock {
  const ThinTile<T>& t;
  int64_t first, stride;
  float a[kRows][kCount];

  RowBlock(const ThinTile<T>& tile, int64_t first_row, int64_t row_stride)
      : t(tile), first(first_row), stride(row_stride) {
    for (int r = 0; r < kRows; ++r)
      for (int q = 0; q < kCount; ++q)
        a[r][q] = static_cast<float>(t.a[r * t.lda + first + q * stride]);
  }

  // Adds to the sums of kVectors vectors of columns, the last of them with the given extent.
  template <int kVectors, class Extent>
  HWY_INLINE void add(int64_t column, Extent last) const {
    V b[kCount][kVectors];
    HWY_UNROLL(8)
    for (int q = 0; q < kCount; ++q) {
      const T* row = t.b + (first + q * stride) * t.ldb + column;
      if (kVectors > 1) b[q][0] = load(row, Full());
      b[q][kVectors - 1] = load(row + (kVectors - 1) * kLanes, last);
    }
    HWY_UNROLL(8)
    for (int r = 0; r < kRows; ++r) {
      float* sums = t.sums + r * t.ld_sums + column;
      if (kVectors > 1) store(sum(r, b, 0, load(sums, Full())), sums, Full());
      float* end = sums + (kVectors - 1) * kLanes;
      store(sum(r, b, kVectors - 1, load(end, last)), end, last);
    }
  }

 private:
  template <int kVectors>
  HWY_INLINE V sum(int r, const V (&b)[kCount][kVectors], int vector, V start) const {
    HWY_UNROLL(8)
    for (int q = 0; q < kCount; ++q) start = hn::MulAdd(all(a[r][q]), b[q][vector], start);
    return start;
  }
};

template <int kRows, int kCount, class T>
void add_rows(const ThinTile<T>& t, int64_t first, int64_t stride) {
  const RowBlock<kRows, kCount, T> block(t, first, stride);
  int64_t column = 0;
  for (; column + 2 * kLanes <= t.columns; column += 2 * kLanes) {
    block.template add<2>(column, Full());
  }
  for (; column + kLanes <= t.columns; column += kLanes) block.template add<1>(column, Full());
  if (column < t.columns) block.template add<1>(column, Part{t.columns - column});
}

template <int kRows, class T>
void multiply_plain(const ThinTile<T>& t) {
  for (int r = 0; r < kRows; ++r) std::fill_n(t.sums + r * t.ld_sums, t.columns, 0.0f);
  const int64_t length = t.k / kDepth;
  for (int64_t i = 0; i < length; ++i) add_rows<kRows, kDepth>(t, i, length);
  for (int64_t row = length * kDepth; row < t.k; ++row) add_rows<kRows, 1>(t, row, 0);
}

template <int kRows, class T>
void multiply_rows(const ThinTile<T>& t, bool transposed) {
  if (transposed) multiply_transposed<kRows>(t);
  else multiply_plain<kRows>(t);
}

template <class T>
void thin(const GemmSpec& s, const ThinArgs& args) {
  const ThinPart& p = args.part;
  const T* b = static_cast<const T*>(args.b) +
               (s.trans_b ? p.first_column * s.ldb : p.first_row * s.ldb + p.first_column);
  const ThinTile<T> tile{.a = static_cast<const T*>(args.a) + p.first_row,
                         .b = b,
                         .k = p.rows,
                         .lda = s.lda,
                         .ldb = s.ldb,
                         .columns = p.columns,
                         .ld_sums = args.ld_sums,
                         .sums = args.sums};
  switch (s.m) {
    case 1: return multiply_rows<1>(tile, s.trans_b);
    case 2: return multiply_rows<2>(tile, s.trans_b);
    case 3: return multiply_rows<3>(tile, s.trans_b);
    case 4: return multiply_rows<4>(tile, s.trans_b);
    case 5: return multiply_rows<5>(tile, s.trans_b);
    case 6: return multiply_rows<6>(tile, s.trans_b);
    case 7: return multiply_rows<7>(tile, s.trans_b);
    default: return multiply_rows<8>(tile, s.trans_b);
  }
}

void thin_f32(const GemmSpec& spec, const ThinArgs& args) {
  thin<float>(spec, args);
}
void thin_bf16(const GemmSpec& spec, const ThinArgs& args) {
  thin<BFloat16>(spec, args);
}

void sum_of_slices(const ThinSlices& slices, int64_t elements, float* sums) {
  for_lanes(elements, [&](int64_t i, auto extent) WEFT_LANES {
    V sum = load(slices.first + i, extent);
    for (int64_t s = 1; s < slices.count; ++s)
      sum = hn::Add(sum, load(slices.first + s * slices.stride + i, extent));
    store(sum, sums + i, extent);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

namespace {

constexpr int64_t kDotColumns = 512;
constexpr int64_t kSumsOfTile = 6144;  // 24 KiB: half of a first-level cache
// As many workers are enough for a memory's bandwidth; of so many rows the streams are long; and
// beyond so many columns there are tiles enough, whose rows are long runs themselves.
constexpr int64_t kSlices = 8, kLeastRowsOfSlice = 48, kMostColumnsOfSlice = 16384;

}  // namespace

int64_t thin_tile_columns(const GemmSpec& s, int workers) {
  const int64_t most = s.trans_b ? kDotColumns : kSumsOfTile / s.m;
  const int64_t tiles = round_up(ceil_div(s.n, most), workers);
  return std::min(s.n, round_up(ceil_div(s.n, tiles), s.trans_b ? 8 : 64));
}

ThinSlicing thin_slicing(const GemmSpec& s, int workers) {
  if (s.trans_b || s.n > kMostColumnsOfSlice) return {1, s.n};
  const int64_t slices = std::clamp(s.k / kLeastRowsOfSlice, int64_t{1}, kSlices);
  return {slices, round_up(ceil_div(s.n, ceil_div(int64_t{workers}, slices)), 64)};
}

HWY_EXPORT(thin_f32);
HWY_EXPORT(thin_bf16);
HWY_EXPORT(sum_of_slices);

void multiply_thin(const GemmSpec& spec, const ThinArgs& args) {
  if (spec.input == DType::kF32) HWY_DYNAMIC_DISPATCH(thin_f32)(spec, args);
  else HWY_DYNAMIC_DISPATCH(thin_bf16)(spec, args);
}

void add_slices(const ThinSlices& slices, int64_t elements, float* sums) {
  HWY_DYNAMIC_DISPATCH(sum_of_slices)(slices, elements, sums);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
