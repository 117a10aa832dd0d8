// Small matrix products on packed blocks of floats, in registers: what attention is made of. The
// blocks lie in the first two caches; nothing is packed or checked here.
#if defined(WEFT_KERNELS_BLOCK_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_BLOCK_PRODUCT_INL_H_
#undef WEFT_KERNELS_BLOCK_PRODUCT_INL_H_
#else
#define WEFT_KERNELS_BLOCK_PRODUCT_INL_H_
#endif

#include <cstdint>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// C[m, n] = A[m, k] B[k, n], or C += A B. A's element (i, p) is a[i * a_row + p * a_column], so
// that A may be transposed; rows of B and C are dense. n is a multiple of kPanel.
struct BlockProduct {
  const float* a;
  int64_t a_row, a_column;
  const float* b;
  int64_t ldb;
  float* c;
  int64_t ldc;
  int64_t m, n, k;
  bool add;
};

// Columns of C in registers: four vectors (two in AVX2), and then 24 (12) sums hide the latency of
// the multiply-adds and leave registers for a row of B. Of a single vector twelve rows do.
constexpr int kColumnVectors = kLanes >= 16 ? 4 : 2;
constexpr int kRowGroup = 6;

template <int kRows, int kVectors>
HWY_INLINE void multiply_panel(const BlockProduct& p, int64_t row, int64_t column) {
  V sums[kRows][kVectors];
  float* c = p.c + row * p.ldc + column;
  HWY_UNROLL(16)
  for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(16)
    for (int j = 0; j < kVectors; ++j) {
      sums[r][j] = p.add ? load(c + r * p.ldc + j * kLanes, Full()) : zeros();
    }
  }
  const float* a = p.a + row * p.a_row;
  const float* b = p.b + column;
  for (int64_t k = 0; k < p.k; ++k, a += p.a_column, b += p.ldb) {
    V lanes[kVectors];
    HWY_UNROLL(16)
    for (int j = 0; j < kVectors; ++j) lanes[j] = load(b + j * kLanes, Full());
    HWY_UNROLL(16)
    for (int r = 0; r < kRows; ++r) {
      const V factor = all(a[r * p.a_row]);
      HWY_UNROLL(16)
      for (int j = 0; j < kVectors; ++j) sums[r][j] = hn::MulAdd(factor, lanes[j], sums[r][j]);
    }
  }
  HWY_UNROLL(16)
  for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(16)
    for (int j = 0; j < kVectors; ++j) store(sums[r][j], c + r * p.ldc + j * kLanes, Full());
  }
}

template <int kVectors>
void multiply_columns(const BlockProduct& p, int64_t column) {
  constexpr int kRows = kVectors == 1 ? 2 * kRowGroup : kRowGroup;
  int64_t row = 0;
  for (; row + kRows <= p.m; row += kRows) multiply_panel<kRows, kVectors>(p, row, column);
  for (; row + 4 <= p.m; row += 4) multiply_panel<4, kVectors>(p, row, column);
  switch (p.m - row) {
    case 1: return multiply_panel<1, kVectors>(p, row, column);
    case 2: return multiply_panel<2, kVectors>(p, row, column);
    case 3: return multiply_panel<3, kVectors>(p, row, column);
    default: return;
  }
}

inline void multiply_block(const BlockProduct& p) {
  int64_t column = 0;
  for (; column + kColumnVectors * kLanes <= p.n; column += kColumnVectors * kLanes) {
    multiply_columns<kColumnVectors>(p, column);
  }
  for (; column < p.n; column += kLanes) multiply_columns<1>(p, column);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_BLOCK_PRODUCT_INL_H_
