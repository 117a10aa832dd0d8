// Thin products on vector lanes: dot products along the rows of B where it is transposed, else sums
// of B's rows in registers, a few vectors of columns at a time.
#include "kernels/gemm/thin_product.h"

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/thin_product_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

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

// kRows x kColumns dot products of length k; each vector of B's rows is loaded once.
template <int kRows, int kColumns, class T>
void dot_block(const ThinTile<T>& t, int64_t column) {
  V sums[kRows][kColumns];
  HWY_UNROLL(8)
  for (auto& row : sums) {
    HWY_UNROLL(8)
    for (V& sum : row) sum = zeros();
  }
  for_lanes(t.k, [&](int64_t i, auto extent) WEFT_LANES {
    V b[kColumns];
    HWY_UNROLL(8)
    for (int j = 0; j < kColumns; ++j) b[j] = load(t.b + (column + j) * t.ldb + i, extent);
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
      t.sums[r * t.columns + column + j] = sum_of_lanes(sums[r][j]);
    }
  }
}

template <int kRows, class T>
void multiply_transposed(const ThinTile<T>& t) {
  int64_t column = 0;
  for (; column + 4 <= t.columns; column += 4) dot_block<kRows, 4>(t, column);
  for (; column < t.columns; ++column) dot_block<kRows, 1>(t, column);
}

// kVectors vectors of columns from `column` on, the last of them with the given extent.
template <int kRows, int kVectors, class T, class Extent>
void column_block(const ThinTile<T>& t, int64_t column, Extent last) {
  V sums[kRows][kVectors];
  HWY_UNROLL(8)
  for (auto& row : sums) {
    HWY_UNROLL(8)
    for (V& sum : row) sum = zeros();
  }
  for (int64_t i = 0; i < t.k; ++i) {
    const T* b = t.b + i * t.ldb + column;
    V lanes[kVectors];
    HWY_UNROLL(8)
    for (int j = 0; j + 1 < kVectors; ++j) lanes[j] = load(b + j * kLanes, Full());
    lanes[kVectors - 1] = load(b + (kVectors - 1) * kLanes, last);
    HWY_UNROLL(8)
    for (int r = 0; r < kRows; ++r) {
      const V a = all(static_cast<float>(t.a[r * t.lda + i]));
      HWY_UNROLL(8)
      for (int j = 0; j < kVectors; ++j) sums[r][j] = hn::MulAdd(a, lanes[j], sums[r][j]);
    }
  }
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) {
    float* to = t.sums + r * t.columns + column;
    HWY_UNROLL(8)
    for (int j = 0; j + 1 < kVectors; ++j) store(sums[r][j], to + j * kLanes, Full());
    store(sums[r][kVectors - 1], to + (kVectors - 1) * kLanes, last);
  }
}

template <int kRows, class T>
void multiply_plain(const ThinTile<T>& t) {
  constexpr int kVectors = kRows <= 2 ? 4 : 2;  // as many sums as registers allow
  int64_t column = 0;
  for (; column + kVectors * kLanes <= t.columns; column += kVectors * kLanes) {
    column_block<kRows, kVectors>(t, column, Full());
  }
  for (; column + kLanes <= t.columns; column += kLanes) column_block<kRows, 1>(t, column, Full());
  if (column < t.columns) column_block<kRows, 1>(t, column, Part{t.columns - column});
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
    default: return multiply_rows<4>(tile, s.trans_b);
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

HWY_EXPORT(thin_f32);
HWY_EXPORT(thin_bf16);

void multiply_thin(const GemmSpec& spec, const ThinArgs& args) {
  if (spec.input == DType::kF32) HWY_DYNAMIC_DISPATCH(thin_f32)(spec, args);
  else HWY_DYNAMIC_DISPATCH(thin_bf16)(spec, args);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
