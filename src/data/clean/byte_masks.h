// Which of 64 bytes are white space, letters and so on, as bits: what stages that look at every
// byte of a text are made of. It knows no words and no characters of several bytes.
#pragma once

#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weft::data {

// Bit i tells of byte i.
using ByteBits = uint64_t;

namespace bytes {

// Each of these makes 0xFF of the bytes that it means, or at least sets their highest bit.
// Comparisons are signed: bytes of characters that are no ASCII are below 0. What is given to
// templates below is an object of a type of its own and no function, whose call through a pointer
// would cost more than what it does.
inline __m128i between(__m128i x, char low, char high) {
  return _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8(static_cast<char>(low - 1))),
                       _mm_cmplt_epi8(x, _mm_set1_epi8(static_cast<char>(high + 1))));
}
inline __m128i equal(__m128i x, char c) {
  return _mm_cmpeq_epi8(x, _mm_set1_epi8(c));
}
inline constexpr auto kWhite = [](__m128i x) {
  return _mm_or_si128(equal(x, ' '), between(x, '\t', '\r'));
};
inline constexpr auto kAsciiLetter = [](__m128i x) {
  return between(_mm_or_si128(x, _mm_set1_epi8(0x20)), 'a', 'z');
};
inline constexpr auto kAsciiWord = [](__m128i x) {
  return _mm_or_si128(kAsciiLetter(x), between(x, '0', '9'));
};
inline constexpr auto kNoAscii = [](__m128i x) { return x; };
// 0x80 to 0xBF: the later bytes of a character.
inline constexpr auto kContinuation = [](__m128i x) {
  return _mm_cmplt_epi8(x, _mm_set1_epi8(-64));
};

}  // namespace bytes

// 64 bytes of a text from `at` on; past its end there are spaces.
class ByteBlock {
 public:
  static constexpr size_t kSize = 64;
  ByteBlock(std::string_view text, size_t at) {
    if (text.size() - at >= kSize) {
      load(text.data() + at);
      return;
    }
    char padded[kSize];
    std::memset(padded, ' ', kSize);
    std::memcpy(padded, text.data() + at, text.size() - at);
    load(padded);
  }
  template <class Class>
  ByteBits bits(Class is) const {
    ByteBits result = 0;
    for (int i = 0; i < 4; ++i)
      result |= static_cast<ByteBits>(static_cast<uint16_t>(_mm_movemask_epi8(is(parts_[i]))))
                << (16 * i);
    return result;
  }

 private:
  void load(const char* bytes) {
    for (int i = 0; i < 4; ++i)
      parts_[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * i));
  }

  __m128i parts_[4];
};

// The first byte from `from` on of which `is` holds; text.size() if there is none. `is` must not
// hold of spaces.
template <class Class>
size_t find_byte(std::string_view text, size_t from, Class is) {
  for (size_t at = from; at < text.size(); at += ByteBlock::kSize)
    if (const ByteBits found = ByteBlock(text, at).bits(is))
      return at + static_cast<size_t>(std::countr_zero(found));
  return text.size();
}

// How many bytes there are of which `is` holds, which must not be so of spaces.
template <class Class>
size_t count_bytes(std::string_view text, Class is) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); at += ByteBlock::kSize)
    count += static_cast<size_t>(std::popcount(ByteBlock(text, at).bits(is)));
  return count;
}

// Calls visit(begin, end) for each run of bytes of which `is` holds, which must not be so of
// spaces.
template <class Class, class Visit>
void for_each_run(std::string_view text, Class is, Visit visit) {
  size_t begin = 0;
  ByteBits inside = 0;  // 1: the block begins within a run
  for (size_t at = 0; at < text.size(); at += ByteBlock::kSize) {
    const ByteBits bits = ByteBlock(text, at).bits(is);
    ByteBits edges = bits ^ (bits << 1 | inside);
    for (; edges != 0; edges &= edges - 1) {
      const size_t edge = at + static_cast<size_t>(std::countr_zero(edges));
      if (inside != 0) visit(begin, edge);
      else begin = edge;
      inside ^= 1;
    }
  }
  if (inside != 0) visit(begin, text.size());
}

}  // namespace weft::data
