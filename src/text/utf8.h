// UTF-8, one character at a time, over bytes that need not be valid. Not here: what characters mean
// (unicode.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft::text {

// Stands for a byte that is not part of a valid character; it belongs to no character class.
inline constexpr uint32_t kInvalidByte = 0xFFFFFFFF;

struct Utf8Char {
  uint32_t code = kInvalidByte;
  uint32_t size = 1;  // in bytes; 1 for an invalid byte
};

inline bool is_continuation(char byte) {
  return (static_cast<uint8_t>(byte) & 0xC0) == 0x80;
}

// The character that begins at text[at], at < text.size(). Overlong forms, surrogates and values
// above U+10FFFF are invalid.
inline Utf8Char utf8_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[i])); };
  const uint32_t lead = byte(at);
  if (lead < 0x80) return {lead, 1};
  const size_t left = text.size() - at;
  if (lead < 0xC2 || lead > 0xF4 || left < 2 || !is_continuation(text[at + 1])) return {};
  const uint32_t low = byte(at + 1) & 0x3F;
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | low, 2};
  if (left < 3 || !is_continuation(text[at + 2])) return {};
  const uint32_t middle = low << 6 | (byte(at + 2) & 0x3F);
  if (lead < 0xF0) {
    const uint32_t code = (lead & 0x0F) << 12 | middle;
    if (code < 0x800 || (code >= 0xD800 && code <= 0xDFFF)) return {};
    return {code, 3};
  }
  if (left < 4 || !is_continuation(text[at + 3])) return {};
  const uint32_t code = (lead & 0x07) << 18 | middle << 6 | (byte(at + 3) & 0x3F);
  if (code < 0x10000 || code > 0x10FFFF) return {};
  return {code, 4};
}

// The last character of `text`, which is not empty.
Utf8Char utf8_last(std::string_view text);

void append_utf8(std::string& out, uint32_t code);

// Length of the longest prefix of `text` that is valid UTF-8.
size_t valid_utf8_prefix(std::string_view text);

// Appends `text` with every maximal invalid sequence as one U+FFFD (Unicode 3.9, as Rust and Python
// do).
void append_replacing_invalid(std::string& out, std::string_view text);

// How many bytes at the end of `text` begin a character that later bytes may complete: 0 to 3.
size_t unfinished_suffix(std::string_view text);

}  // namespace weft::text
