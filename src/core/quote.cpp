#include "core/quote.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace weft {
namespace {

void append_escaped(std::string& out, std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

struct Character {
  uint32_t code = 0;
  size_t size = 0;  // in bytes; 0: not UTF-8
};

// By RFC 3629: no overlong forms, no surrogates.
Character character_at(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[i])); };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xc2 || lead > 0xf4) return {};
  const size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() < size) return {};
  uint32_t code = lead & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr std::array<uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xd800 && code < 0xe000;
  if (code < kSmallest[size] || code > 0x10ffff || is_surrogate) return {};
  return {code, size};
}

// Controls of both sets, and what cannot be seen or turns what follows around.
bool is_harmful(uint32_t code) {
  constexpr std::array<std::array<uint32_t, 2>, 7> kRanges{{{0x00, 0x1f},
                                                            {0x7f, 0x9f},
                                                            {0x200b, 0x200f},
                                                            {0x2028, 0x202e},
                                                            {0x2060, 0x206f},
                                                            {0xfeff, 0xfeff},
                                                            {0xe0000, 0x10ffff}}};
  return std::any_of(kRanges.begin(), kRanges.end(),
                     [code](const auto& range) { return code >= range[0] && code <= range[1]; });
}

void append_printable(std::string& out, std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const Character c = character_at(text.substr(at));
    const std::string_view bytes = text.substr(at, std::max<size_t>(c.size, 1));
    if (c.size == 0 || is_harmful(c.code)) append_escaped(out, bytes);
    else out += bytes;
    at += bytes.size();
  }
}

// The first `longest` bytes, without the character that would be cut.
std::string_view beginning(std::string_view text, size_t longest) {
  if (text.size() <= longest) return text;
  for (size_t begin = longest; begin > 0 && longest - begin < 3;) {
    const Character c = character_at(text.substr(--begin));
    if (c.size > 0) return text.substr(0, begin + c.size > longest ? begin : longest);
  }
  return text.substr(0, longest);
}

}  // namespace

std::string quote(std::string_view text, size_t longest) {
  std::string result = "'";
  append_printable(result, beginning(text, longest));
  return result + (text.size() > longest ? "'..." : "'");
}

std::string printable(std::string_view text, size_t longest) {
  std::string result;
  append_printable(result, beginning(text, longest));
  return text.size() > longest ? result + "..." : result;
}

std::string quote_path(const std::filesystem::path& path) {
  return "'" + printable(path.native()) + "'";
}

std::string printable_lines(std::string_view text) {
  std::string result;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    append_printable(result, text.substr(begin, end - begin));
    if (end < text.size()) result += '\n';
    begin = end + 1;
  }
  return result;
}

}  // namespace weft
