#include "config/yaml_text.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/tree/tree.h"
#include "weft/error.h"

namespace weft::config {
namespace {

[[noreturn]] void refuse(std::string_view text, size_t at,
                         const std::shared_ptr<const std::string>& source,
                         const std::string& message) {
  const std::string_view before = text.substr(0, at);
  const int line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const Position position{source, line, static_cast<int>(at - line_start) + 1};
  throw Error(position.to_string() + ": " + message);
}

}  // namespace

CodePoint decode_utf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[i])); };
  const uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  uint32_t value = first & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3f);
  }
  constexpr std::array<uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = value >= 0xd800 && value < 0xe000;
  if (value < kSmallest[length] || value > 0x10ffff || is_surrogate) return {};
  return {value, length};
}

bool is_printable(uint32_t c) {
  if (c < 0xa0) return c == '\t' || c == '\n' || c == '\r' || c == 0x85 || (c >= 0x20 && c < 0x7f);
  return c != 0xfeff && c != 0xfffe && c != 0xffff;
}

std::string_view check_yaml_text(std::string_view text,
                                 const std::shared_ptr<const std::string>& source) {
  if (text.size() > static_cast<size_t>(kMaxYamlBytes))
    throw Error(*source + ": " + std::to_string(text.size()) + " bytes; a config has at most " +
                std::to_string(kMaxYamlBytes));
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  bool is_indentation = true;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text.substr(at));
    if (c.length == 0) refuse(text, at, source, "not UTF-8; save the file as UTF-8 text");
    if (!is_printable(c.value)) {
      std::array<char, 16> name{};
      std::snprintf(name.data(), name.size(), "U+%04X", static_cast<unsigned>(c.value));
      refuse(text, at, source, std::string("control character ") + name.data() + "; remove it");
    }
    if (c.value == '\t' && is_indentation)
      refuse(text, at, source, "tab in the indentation; indent with spaces");
    is_indentation = c.value == '\n' || (is_indentation && c.value == ' ');
    at += c.length;
  }
  return text;
}

}  // namespace weft::config
