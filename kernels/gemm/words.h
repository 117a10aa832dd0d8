// The 32-bit words that operands of a product are packed in: a float, or a pair of bfloat16 that
// are neighbours in k, as AVX512-BF16's dot product takes them.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/simd/tiles.h"

namespace weft::kernels {

// The one with the smaller k in the lower half. Behind an odd k lies a zero.
using Pair = uint32_t;

// Long sums are made of parts of equal size, of at most so many words. A part of a panel of floats
// (32 KiB) leaves room for a strip in 48 KiB of first-level cache; what is fetched of pairs is
// multiplied for so long that the second-level cache is near enough, and sums of 768 terms, as in
// GPT-2, are made at once. Bits depend on it: no matter of a machine's caches.
template <class Word>
inline constexpr int64_t kPartWords = std::is_same_v<Word, Pair> ? 384 : 256;

// The size of a part of so many words.
template <class Word>
constexpr int64_t part_of(int64_t words) {
  return ceil_div(words, ceil_div(words, kPartWords<Word>));
}

// What words hold. bfloat16 in words of floats is widened.
enum class Packed : uint8_t { kFloats, kPairs };

// Terms of a sum for each word.
template <class Word>
inline constexpr int64_t kTerms = std::is_same_v<Word, Pair> ? 2 : 1;

constexpr int64_t words_of(int64_t k, Packed packed) {
  return packed == Packed::kPairs ? ceil_div(k, kTerms<Pair>) : k;
}

}  // namespace weft::kernels
