// Strips of pairs in registers, by VDPBF16PS. See pair_strip.h.
#include "kernels/gemm/pair_strip.h"

#include "kernels/simd/unchecked.h"
#include "weft/error.h"

#if defined(__x86_64__)
#include <hwy/base.h>
#include <immintrin.h>

#include <cstring>

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")

namespace weft::kernels {
namespace {

constexpr int64_t kVector = 16;  // floats
static_assert(kPairStripColumns == 2 * kVector);

HWY_INLINE __m512bh pairs_of(const __m512i& bits) {
  __m512bh pairs;
  std::memcpy(&pairs, &bits, sizeof(pairs));
  return pairs;
}
HWY_INLINE __m512bh same_pair(const BFloat16* pair) {
  int bits;
  std::memcpy(&bits, pair, sizeof(bits));
  return pairs_of(_mm512_set1_epi32(bits));
}

HWY_INLINE void store(__m512 sums, float* to) {
  _mm512_storeu_ps(to, sums);
}
HWY_INLINE void store(__m512 sums, BFloat16* to) {
  const __m256bh rounded = _mm512_cvtneps_pbh(sums);
  std::memcpy(static_cast<void*>(to), &rounded, sizeof(rounded));
}

template <int kRows, class Out>
HWY_NOINLINE WEFT_UNCHECKED void multiply_rows(const PairStrip& s) {
  constexpr int kPointers = (kRows + 2) / 3;
  Out* c = static_cast<Out*>(s.c);
  __m512 left[kRows], right[kRows];
  // Three rows to a pointer: x86 addresses p, p + row and p + 2 row directly.
  const BFloat16* rows[kPointers];
#pragma GCC unroll 4
  for (int i = 0; i < kPointers; ++i) rows[i] = s.a + 3 * i * s.a_row;
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    left[r] = right[r] = _mm512_setzero_ps();
    __builtin_prefetch(c + r * s.ldc, 1);
    if constexpr (sizeof(Out) == sizeof(float)) __builtin_prefetch(c + r * s.ldc + kVector, 1);
  }
  const Pair *b = s.panel, *ahead = s.ahead;
  for (int64_t k = 0; k < s.k; ++k, b += kPairStripColumns) {
    if (k % kPairFetchEvery == 0) __builtin_prefetch(ahead, 0, 2), ahead += kPairsOfLine;
    const __m512bh b_left = pairs_of(_mm512_loadu_si512(b));
    const __m512bh b_right = pairs_of(_mm512_loadu_si512(b + kVector));
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const __m512bh factor = same_pair(rows[r / 3] + r % 3 * s.a_row);
      left[r] = _mm512_dpbf16_ps(left[r], factor, b_left);
      right[r] = _mm512_dpbf16_ps(right[r], factor, b_right);
    }
#pragma GCC unroll 4
    for (auto& row : rows) row += s.a_step;
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    if (s.plus != nullptr) {
      const float* plus = s.plus + r * s.ld_plus;
      left[r] = _mm512_add_ps(_mm512_loadu_ps(plus), left[r]);
      right[r] = _mm512_add_ps(_mm512_loadu_ps(plus + kVector), right[r]);
    }
    store(left[r], c + r * s.ldc);
    store(right[r], c + r * s.ldc + kVector);
  }
}

void check(const PairStrip& s, int64_t rows) {
  constexpr int64_t kSums = kPairStripColumns * int64_t{sizeof(float)};
  constexpr int64_t kElement = sizeof(BFloat16);
  for (int64_t r = 0; r < rows; ++r)
    check_rows(s.a + r * s.a_row, s.k, sizeof(Pair), s.a_step * kElement);
  check_memory(s.panel, s.k * kPairStripColumns * int64_t{sizeof(Pair)});
  if (s.plus != nullptr) check_rows(s.plus, rows, kSums, s.ld_plus * int64_t{sizeof(float)});
  const int64_t size = size_of(s.output);
  check_rows(s.c, rows, kPairStripColumns * size, s.ldc * size);
}

template <int kRows>
void strip_of_rows(const PairStrip& s, int64_t rows) {
  if constexpr (kRows > 0) {
    if (rows != kRows) return strip_of_rows<kRows - 1>(s, rows);
    if (s.output == DType::kF32) multiply_rows<kRows, float>(s);
    else multiply_rows<kRows, BFloat16>(s);
  }
}

}  // namespace

void multiply_pairs(const PairStrip& strip, int64_t rows) {
  check(strip, rows);
  strip_of_rows<kPairStripRows>(strip, rows);
}

}  // namespace weft::kernels
HWY_POP_ATTRIBUTES
#else
namespace weft::kernels {
void multiply_pairs(const PairStrip&, int64_t) {
  WEFT_ASSERT(!"this processor family has no products of pairs");
}
}  // namespace weft::kernels
#endif
