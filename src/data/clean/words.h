// Words as stages that compare texts see them: runs of letters and digits in lower case, each
// character of a script that puts no spaces between words alone. Punctuation and white space part
// words and vanish. Words of tokenizers and of the published quality rules are others.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "data/clean/byte_masks.h"
#include "data/clean/word_hash.h"
#include "text/utf8.h"

namespace weft::data {

// Chinese, Japanese and Korean ideographs and kana, Thai, Lao, Khmer, Myanmar.
constexpr bool stands_alone(uint32_t code) {
  return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3040 && code <= 0x30FF) ||
         (code >= 0x3400 && code <= 0x4DBF) || (code >= 0x0E00 && code <= 0x0EFF) ||
         (code >= 0x1000 && code <= 0x109F) || (code >= 0x1780 && code <= 0x17FF) ||
         (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x20000 && code <= 0x3FFFF);
}

// For each ASCII byte: itself in lower case where it is a letter or digit, else 0.
inline constexpr std::array<uint8_t, 128> kWordBytes = [] {
  std::array<uint8_t, 128> table{};
  for (size_t c = 0; c < 128; ++c) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))
      table[c] = static_cast<uint8_t>(upper ? c + 32 : c);
  }
  return table;
}();

// General punctuation, Latin-1 symbols, CJK punctuation and full-width forms of ASCII symbols.
constexpr bool parts_words(uint32_t code) {
  return (code >= 0x80 && code <= 0xBF && code != 0xAA && code != 0xB5 && code != 0xBA) ||
         (code >= 0x2000 && code <= 0x206F) || (code >= 0x3000 && code <= 0x303F) ||
         (code >= 0xFF00 && code <= 0xFF0F) || (code >= 0xFF1A && code <= 0xFF20) ||
         code == 0xFEFF || code == 0xFFFD;
}

// Calls visit(hash) for the words from `at` on, character by character, up to an ASCII byte that
// parts words; returns its place, or the end of the text.
template <class Visit>
size_t visit_wide_words(std::string_view text, size_t at, Visit& visit) {
  constexpr uint64_t kNone = kSpread;
  uint64_t wide = kNone;  // hash of the characters of the word
  size_t begin = at;      // of the word
  bool ascii = true;      // so far
  const auto end_word = [&](size_t next) {
    if (at > begin)
      visit(ascii ? word_hash(text.substr(begin, at - begin), kFoldCase) : mixed(wide));
    begin = next;
    ascii = true;
    wide = kNone;
  };
  while (at < text.size()) {
    const auto byte = static_cast<uint8_t>(text[at]);
    const text::Utf8Char c =
        byte < 0x80 ? text::Utf8Char{kWordBytes[byte], 1} : text::utf8_at(text, at);
    if (c.code == 0) break;
    const bool alone = stands_alone(c.code);
    if (alone || parts_words(c.code)) {
      end_word(at + c.size);
      if (alone) visit(mixed(c.code + kSpread));
    } else {
      ascii &= byte < 0x80;
      wide = std::rotl(wide, 21) + c.code;
    }
    at += c.size;
  }
  end_word(at);
  return at;
}

// Calls visit(hash) for each word. Equal words have equal hashes, wherever they stand.
template <class Visit>
void for_each_word(std::string_view text, Visit visit) {
  for (size_t at = 0; at < text.size();) {
    const size_t wide = find_byte(text, at, bytes::kNoAscii);
    size_t end = wide;  // the word before a wide character may go on with it
    while (wide < text.size() && end > at && kWordBytes[static_cast<uint8_t>(text[end - 1])] != 0)
      --end;
    const std::string_view plain = text.substr(at, end - at);
    for_each_run(plain, bytes::kAsciiWord, [&](size_t begin, size_t after) {
      visit(word_hash({plain.data() + begin, after - begin}, kFoldCase, text.data() + text.size()));
    });
    at = visit_wide_words(text, end, visit);
  }
}

}  // namespace weft::data
