// Text made safe; see safe_text.h.
#include "report/safe_text.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "text/utf8.h"

namespace weft::report {

std::string printable(std::string_view text) {
  return weft::printable(text, text.size());
}

int columns(std::string_view text) {
  return static_cast<int>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

// The first `width` columns of UTF-8 text.
std::string cut(std::string_view text, int width) {
  size_t end = text.size();
  while (columns(text.substr(0, end)) > width) --end;
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
