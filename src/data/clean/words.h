// Words as stages that compare texts see them: runs of letters and digits in lower case, each
// character of a script that puts no spaces between words alone. Punctuation and white space part
// words and vanish. Words of tokenizers and of the published quality rules are others.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/utf8.h"

namespace weft::data {

// Chinese, Japanese and Korean ideographs and kana, Thai, Lao, Khmer, Myanmar.
constexpr bool stands_alone(uint32_t code) {
  return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3040 && code <= 0x30FF) ||
         (code >= 0x3400 && code <= 0x4DBF) || (code >= 0x0E00 && code <= 0x0EFF) ||
         (code >= 0x1000 && code <= 0x109F) || (code >= 0x1780 && code <= 0x17FF) ||
         (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x20000 && code <= 0x3FFFF);
}

// General punctuation, Latin-1 symbols, CJK punctuation and full-width forms of ASCII symbols.
constexpr bool parts_words(uint32_t code) {
  return (code >= 0x80 && code <= 0xBF && code != 0xAA && code != 0xB5 && code != 0xBA) ||
         (code >= 0x2000 && code <= 0x206F) || (code >= 0x3000 && code <= 0x303F) ||
         (code >= 0xFF00 && code <= 0xFF0F) || (code >= 0xFF1A && code <= 0xFF20) ||
         code == 0xFEFF || code == 0xFFFD;
}

// For each byte: itself in lower case where it is an ASCII letter or digit, 0 where it parts words,
// 1 where it begins a character of several bytes.
inline constexpr std::array<uint8_t, 256> kWordBytes = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) {
    if (c >= 0x80) table[static_cast<size_t>(c)] = 1;
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))
      table[static_cast<size_t>(c)] = static_cast<uint8_t>(c);
    if (c >= 'A' && c <= 'Z') table[static_cast<size_t>(c)] = static_cast<uint8_t>(c + 32);
  }
  return table;
}();

// A multiplier whose products spread over all bits (the golden ratio times 2^64).
inline constexpr uint64_t kSpread = 0x9E3779B97F4A7C15ull;

// The finalizer of MurmurHash3 (Appleby, public domain): every bit changes half of all bits.
constexpr uint64_t mixed(uint64_t h) {
  h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCDull;
  h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53ull;
  return h ^ (h >> 33);
}

// Calls visit(hash) for each word.
template <class Visit>
void for_each_word(std::string_view text, Visit visit) {
  constexpr uint64_t kNone = kSpread;
  uint64_t hash = kNone;
  const auto end_word = [&] {
    if (hash != kNone) visit(mixed(hash));
    hash = kNone;
  };
  for (size_t at = 0; at < text.size();) {
    const uint8_t c = kWordBytes[static_cast<uint8_t>(text[at])];
    if (c > 1) {
      hash = std::rotl(hash, 9) + c;
      ++at;
    } else if (c == 0) {
      end_word();
      ++at;
    } else {
      const text::Utf8Char character = text::utf8_at(text, at);
      at += character.size;
      const bool alone = stands_alone(character.code);
      if (alone || parts_words(character.code)) end_word();
      if (alone) visit(mixed(character.code + kSpread));
      else if (!parts_words(character.code)) hash = std::rotl(hash, 21) + character.code;
    }
  }
  end_word();
}

}  // namespace weft::data
