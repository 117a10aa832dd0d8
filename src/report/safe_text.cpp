// Text made safe; see safe_text.h.
#include "report/safe_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "text/utf8.h"

namespace weft::report {
namespace {

// Blocks of characters that take two columns (Unicode's East Asian Width: wide and full-width), and
// accents that take none, being put onto the letter before.
int columns_of(uint32_t code) {
  constexpr std::array<std::array<uint32_t, 2>, 11> kWide{{{0x1100, 0x115f},
                                                           {0x2e80, 0x303e},
                                                           {0x3041, 0xa4cf},
                                                           {0xa960, 0xa97c},
                                                           {0xac00, 0xd7a3},
                                                           {0xf900, 0xfaff},
                                                           {0xfe30, 0xfe6f},
                                                           {0xff01, 0xff60},
                                                           {0xffe0, 0xffe6},
                                                           {0x1f300, 0x1faff},
                                                           {0x20000, 0x3fffd}}};
  if (code >= 0x300 && code <= 0x36f) return 0;
  const auto holds = [code](const auto& range) { return code >= range[0] && code <= range[1]; };
  return std::any_of(kWide.begin(), kWide.end(), holds) ? 2 : 1;
}

}  // namespace

std::string printable(std::string_view text) {
  return weft::printable(text, text.size());
}

int columns(std::string_view text) {
  int count = 0;
  for (size_t at = 0; at < text.size();) {
    const text::Utf8Char c = text::utf8_at(text, at);
    count += columns_of(c.code);
    at += c.size;
  }
  return count;
}

std::string cut(std::string_view text, int width) {
  size_t end = 0;
  for (int left = width; end < text.size();) {
    const text::Utf8Char c = text::utf8_at(text, end);
    left -= columns_of(c.code);
    if (left < 0) break;
    end += c.size;
  }
  return std::string(text.substr(0, end));
}

std::string json_string(std::string_view text) {
  using nlohmann::json;
  return json(std::string(text)).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string valid_utf8(std::string_view bytes) {
  std::string out;
  text::append_replacing_invalid(out, bytes);
  return out;
}

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : valid_utf8(text)) {
    const uint8_t byte = static_cast<uint8_t>(c);
    const bool is_space = c == '\t' || c == '\n';
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (c == '\'') out += "&#39;";
    else if ((byte < 0x20 && !is_space) || byte == 0x7F) out += "\xEF\xBF\xBD";
    else out += c;
  }
  return out;
}

}  // namespace weft::report
