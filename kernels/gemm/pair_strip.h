// Strips of a product of pairs of bfloat16 (AVX512-BF16): what products of blocks and of panels are
// made of where processors multiply pairs fast. Only for processors that have these instructions
// (kernels/cpu_isa.h).
#pragma once

#include <cstdint>

#include "kernels/gemm/words.h"
#include "weft/dtype.h"

namespace weft::kernels {

// Sums in registers: 24 of AVX-512's 32 vectors.
inline constexpr int64_t kPairStripRows = 12, kPairStripColumns = 32;
// A line of `ahead` is fetched with every so many words of k.
inline constexpr int64_t kPairFetchEvery = 2;
inline constexpr int64_t kPairsOfLine = 16;

// C = A B + plus, for so many columns and up to so many rows.
struct PairStrip {
  const BFloat16* a;  // the pair (row, k) lies at a[row * a_row + k * a_step]
  int64_t a_row, a_step;
  const Pair* panel;  // rows of kPairStripColumns words
  int64_t k;          // words
  const Pair* ahead;  // what is to be fetched into the second-level cache meanwhile
  const float* plus;  // rows of ld_plus, or null; a bias has 0; may be c
  int64_t ld_plus;
  void* c;  // rows of ldc
  int64_t ldc;
  DType output;  // of c
};

// A sum runs over k in order. Denormal numbers count as zeros, as the instruction has it.
void multiply_pairs(const PairStrip& strip, int64_t rows);

}  // namespace weft::kernels
