// The 32-bit words that operands of a product are packed in: a float, or a pair of bfloat16 that
// are neighbours in k, as AVX512-BF16's dot product takes them.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/simd/tiles.h"

namespace weft::kernels {

// The one with the smaller k in the lower half. Behind an odd k lies a zero.
using Pair = uint32_t;

// What words hold. bfloat16 in words of floats is widened.
enum class Packed : uint8_t { kFloats, kPairs };

// Terms of a sum for each word.
template <class Word>
inline constexpr int64_t kTerms = std::is_same_v<Word, Pair> ? 2 : 1;

constexpr int64_t words_of(int64_t k, Packed packed) {
  return packed == Packed::kPairs ? ceil_div(k, kTerms<Pair>) : k;
}

}  // namespace weft::kernels
