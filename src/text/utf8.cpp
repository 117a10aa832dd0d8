// UTF-8 over whole strings (utf8.h).
#include "text/utf8.h"

#include <algorithm>
#include <cstring>

namespace weft::text {
namespace {

// How many bytes a character with this lead byte has; 0 if none begins so.
size_t size_from_lead(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

// Whether `second` may follow `lead`: this is where overlong forms and surrogates end.
bool second_fits(uint8_t lead, uint8_t second) {
  const uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  return second >= low && second <= high;
}

// Length of the longest beginning of a character at text[at], at least 1 for an invalid byte.
size_t maximal_subpart(std::string_view text, size_t at) {
  const auto lead = static_cast<uint8_t>(text[at]);
  const size_t size = std::min(size_from_lead(lead), text.size() - at);
  if (size < 2 || !second_fits(lead, static_cast<uint8_t>(text[at + 1]))) return 1;
  size_t n = 2;
  while (n < size && is_continuation(text[at + n])) ++n;
  return n;
}

size_t ascii_run(std::string_view text, size_t at) {
  const size_t start = at;
  while (at + 8 <= text.size()) {
    uint64_t eight;
    std::memcpy(&eight, text.data() + at, 8);
    if ((eight & 0x8080808080808080) != 0) break;
    at += 8;
  }
  while (at < text.size() && static_cast<uint8_t>(text[at]) < 0x80) ++at;
  return at - start;
}

}  // namespace

Utf8Char utf8_last(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && text.size() - at < 4 && is_continuation(text[at])) --at;
  const Utf8Char last = utf8_at(text, at);
  return at + last.size == text.size() ? last : Utf8Char{};
}

void append_utf8(std::string& out, uint32_t code) {
  const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

size_t valid_utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (true) {
    at += ascii_run(text, at);
    if (at == text.size()) return at;
    const Utf8Char c = utf8_at(text, at);
    if (c.code == kInvalidByte) return at;
    at += c.size;
  }
}

void append_replacing_invalid(std::string& out, std::string_view text) {
  while (true) {
    const size_t valid = valid_utf8_prefix(text);
    out.append(text.substr(0, valid));
    text.remove_prefix(valid);
    if (text.empty()) return;
    text.remove_prefix(maximal_subpart(text, 0));
    out.append("\xEF\xBF\xBD");
  }
}

size_t unfinished_suffix(std::string_view text) {
  for (size_t n = 1; n <= std::min<size_t>(3, text.size()); ++n) {
    const size_t at = text.size() - n;
    if (is_continuation(text[at])) continue;
    const bool begins = size_from_lead(static_cast<uint8_t>(text[at])) > n;
    return begins && maximal_subpart(text, at) == n ? n : 0;
  }
  return 0;
}

}  // namespace weft::text
