// Thin products on vector lanes: dot products along the rows of B where it is transposed, else sums
// of B's rows, a few rows at a time so that the sums are seldom loaded. What comes next is
// prefetched: the hardware's own prefetching ends with each row, and a core that waits there
// reaches two thirds of its share of the memory's bandwidth. Sums run over k in order, whatever the
// blocks.
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
  int64_t k, lda, ldb, columns;
  float* sums;
};

// Vectors that a block may hold: half of the registers.
constexpr int kHeld = HWY_TARGET == HWY_AVX3 ? 16 : 8;
// Dot products that are summed together.
template <int kRows>
constexpr int kDots = kRows * 4 <= kHeld ? 4 : (kRows * 2 <= kHeld ? 2 : 1);
constexpr int kDepth = kHeld / 2;  // rows of B that are added to the sums together
constexpr int64_t kCacheLine = 64;
constexpr int64_t kBytesAhead = 3072;  // of each stream of dot products

template <class T>
HWY_INLINE void prefetch(const T* from, int64_t elements) {
  for (int64_t i = 0; i < elements; i += kCacheLine / static_cast<int64_t>(sizeof(T)))
    hwy::Prefetch(from + i);
}

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
      t.sums[r * t.columns + column] = sum_of_lanes(sums[r][j]);
    }
  }
}

// The tile is read as several streams, far apart: a core follows them all at one time, and so has
// more of them under way than of one.
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

// Rows of B from `k0` on, and the elements of A that they are multiplied with.
template <int kRows, int kCount, class T>
struct RowBlock {
  const ThinTile<T>& t;
  int64_t k0;
  float a[kRows][kCount];
  int64_t ahead;  // rows from these to those that are read next; 0 at the end

  RowBlock(const ThinTile<T>& tile, int64_t first)
      : t(tile), k0(first), ahead(first + 2 * kCount <= tile.k ? kCount : 0) {
    for (int r = 0; r < kRows; ++r)
      for (int q = 0; q < kCount; ++q) a[r][q] = static_cast<float>(t.a[r * t.lda + k0 + q]);
  }

  // Adds to the sums of kVectors vectors of columns, the last of them with the given extent.
  template <int kVectors, class Extent>
  HWY_INLINE void add(int64_t column, Extent last) const {
    V b[kCount][kVectors];
    HWY_UNROLL(8)
    for (int q = 0; q < kCount; ++q) {
      const T* row = t.b + (k0 + q) * t.ldb + column;
      prefetch(row + ahead * t.ldb, kVectors * kLanes);
      if (kVectors > 1) b[q][0] = load(row, Full());
      b[q][kVectors - 1] = load(row + (kVectors - 1) * kLanes, last);
    }
    HWY_UNROLL(8)
    for (int r = 0; r < kRows; ++r) {
      float* sums = t.sums + r * t.columns + column;
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
void add_rows(const ThinTile<T>& t, int64_t k0) {
  const RowBlock<kRows, kCount, T> block(t, k0);
  int64_t column = 0;
  for (; column + 2 * kLanes <= t.columns; column += 2 * kLanes) {
    block.template add<2>(column, Full());
  }
  for (; column + kLanes <= t.columns; column += kLanes) block.template add<1>(column, Full());
  if (column < t.columns) block.template add<1>(column, Part{t.columns - column});
}

template <int kRows, class T>
void multiply_plain(const ThinTile<T>& t) {
  std::fill_n(t.sums, kRows * t.columns, 0.0f);
  int64_t k0 = 0;
  for (; k0 + kDepth <= t.k; k0 += kDepth) add_rows<kRows, kDepth>(t, k0);
  for (; k0 < t.k; ++k0) add_rows<kRows, 1>(t, k0);
}

template <int kRows, class T>
void multiply_rows(const ThinTile<T>& t, bool transposed) {
  if (transposed) multiply_transposed<kRows>(t);
  else multiply_plain<kRows>(t);
}

template <class T>
void thin(const GemmSpec& s, const ThinArgs& args) {
  const int64_t first = args.first_column;
  const T* b = static_cast<const T*>(args.b) + (s.trans_b ? first * s.ldb : first);
  const ThinTile<T> tile{
      static_cast<const T*>(args.a), b, s.k, s.lda, s.ldb, args.columns, args.sums};
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

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

namespace {

constexpr int64_t kDotColumns = 512;
constexpr int64_t kSumsOfTile = 6144;  // 24 KiB: half of a first-level cache

}  // namespace

int64_t thin_tile_columns(const GemmSpec& s, int workers) {
  const int64_t most = s.trans_b ? kDotColumns : kSumsOfTile / s.m;
  const int64_t tiles = round_up(ceil_div(s.n, most), workers);
  return std::min(s.n, round_up(ceil_div(s.n, tiles), s.trans_b ? 8 : 64));
}

HWY_EXPORT(thin_f32);
HWY_EXPORT(thin_bf16);

void multiply_thin(const GemmSpec& spec, const ThinArgs& args) {
  if (spec.input == DType::kF32) HWY_DYNAMIC_DISPATCH(thin_f32)(spec, args);
  else HWY_DYNAMIC_DISPATCH(thin_bf16)(spec, args);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
