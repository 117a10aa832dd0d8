// Products of bfloat16 blocks with AVX512-BF16's dot product of pairs (VDPBF16PS): eight rows by
// two vectors of sums in registers. On AMD's processors twice as fast as floats; on Intel's not
// faster (kernels/cpu_isa.h, has_fast_bf16_dot).
#include "kernels/attention/tile_engine.h"

#if defined(__x86_64__)
#include <hwy/base.h>
#include <immintrin.h>

#include <cstdint>
#include <cstring>

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")

namespace weft::kernels {
namespace {

constexpr int kRows = 8, kVectors = 2;

__m512bh pairs_of(const __m512i& bits) {
  __m512bh pairs;
  std::memcpy(&pairs, &bits, sizeof(pairs));
  return pairs;
}
__m512bh same_pair(const BFloat16* pair) {
  int bits;
  std::memcpy(&bits, pair, sizeof(bits));
  return pairs_of(_mm512_set1_epi32(bits));
}

void multiply_panel(const PairProduct& p, int64_t row, int64_t column) {
  float* c = p.c + row * p.c_row + column;
  __m512 sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; ++j) {
      sums[r][j] = p.add ? _mm512_loadu_ps(c + r * p.c_row + 16 * j) : _mm512_setzero_ps();
    }
  }
  const BFloat16* a = p.a + row * p.a_row;
  const BFloat16* b = p.b + 2 * column;
  for (int64_t k = 0; k < p.k; k += 2, a += 2, b += p.b_row) {
    const __m512bh b0 = pairs_of(_mm512_loadu_si512(b));
    const __m512bh b1 = pairs_of(_mm512_loadu_si512(b + 32));
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const __m512bh factor = same_pair(a + r * p.a_row);
      sums[r][0] = _mm512_dpbf16_ps(sums[r][0], factor, b0);
      sums[r][1] = _mm512_dpbf16_ps(sums[r][1], factor, b1);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; ++j) _mm512_storeu_ps(c + r * p.c_row + 16 * j, sums[r][j]);
  }
}

void multiply(const PairProduct& p) {
  for (int64_t column = 0; column < p.n; column += 16 * kVectors) {
    for (int64_t row = 0; row < p.m; row += kRows) multiply_panel(p, row, column);
  }
}
void nothing() {}

constexpr TileEngine kEngine{nothing, multiply, nothing};

}  // namespace

const TileEngine* dot_product_tiles() {
  return &kEngine;
}

}  // namespace weft::kernels
HWY_POP_ATTRIBUTES
#else
namespace weft::kernels {
const TileEngine* dot_product_tiles() {
  return nullptr;
}
}  // namespace weft::kernels
#endif
