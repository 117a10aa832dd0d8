#include "data/clean/word_counts.h"

#include <emmintrin.h>

#include "data/clean/byte_masks.h"

namespace weft::data {
namespace {

// `seeds`, and within each run of `runs` all bits above one.
ByteBits spread_up(ByteBits seeds, ByteBits runs) {
  for (int step = 1; step < 64; step *= 2) {
    seeds |= runs & (seeds << step);
    runs &= runs << step;
  }
  return seeds;
}

constexpr auto kWordLetter = [](__m128i x) { return _mm_or_si128(bytes::kAsciiLetter(x), x); };

}  // namespace

WordCounts count_words(std::string_view text) {
  WordCounts counts;
  ByteBits in_word = 0, had_letter = 0;  // bit 0: so it was at the end of the block before
  for (size_t at = 0; at < text.size(); at += ByteBlock::kSize) {
    const ByteBlock block(text, at);
    const ByteBits words = ~block.bits(bytes::kWhite);
    const ByteBits lettered = spread_up((block.bits(kWordLetter) | had_letter) & words, words);
    counts.words += std::popcount(words & ~(words << 1 | in_word));
    counts.characters += std::popcount(words & ~block.bits(bytes::kContinuation));
    counts.with_letter += std::popcount(lettered & ~(lettered << 1 | had_letter));
    in_word = words >> 63;
    had_letter = lettered >> 63;
  }
  return counts;
}

int64_t characters_of(std::string_view text) {
  int64_t later = 0;
  for (size_t at = 0; at < text.size(); at += ByteBlock::kSize)
    later += std::popcount(ByteBlock(text, at).bits(bytes::kContinuation));
  return static_cast<int64_t>(text.size()) - later;
}

}  // namespace weft::data
