// Finding and replacing what is no text.
#include "data/utf8_policy.h"

#include <simdjson.h>

#include <algorithm>

#include "data/clean/byte_masks.h"

namespace weft::data {
namespace {

uint8_t byte_at(std::string_view text, size_t at) {
  return static_cast<uint8_t>(text[at]);
}

struct Sequence {
  size_t length;  // of the character, or of the malformed part: at least 1
  bool valid;
};

// What the lead byte says: how many bytes follow, and the range of the first of them (Unicode 15,
// table 3-7). 0 bytes follow a byte that cannot lead.
struct Lead {
  size_t following;
  uint8_t low;
  uint8_t high;
};
Lead lead_of(uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {0, 0, 0};
}

Sequence sequence_at(std::string_view text, size_t at) {
  const uint8_t first = byte_at(text, at);
  if (first < 0x80) return {1, first != 0};
  const Lead lead = lead_of(first);
  uint8_t low = lead.low, high = lead.high;
  for (size_t i = 1; i <= lead.following; ++i) {
    if (at + i >= text.size()) return {i, false};
    const uint8_t byte = byte_at(text, at + i);
    if (byte < low || byte > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {lead.following + 1, lead.following > 0};
}

// The code unit of a \uXXXX escape at `at`, or -1.
int escape_at(std::string_view json, size_t at) {
  if (at + 6 > json.size() || json[at] != '\\' || json[at + 1] != 'u') return -1;
  int unit = 0;
  for (size_t i = at + 2; i < at + 6; ++i) {
    const char c = json[i];
    if (c >= '0' && c <= '9') unit = unit * 16 + (c - '0');
    else if (c >= 'a' && c <= 'f') unit = unit * 16 + (c - 'a' + 10);
    else if (c >= 'A' && c <= 'F') unit = unit * 16 + (c - 'A' + 10);
    else return -1;
  }
  return unit;
}

}  // namespace

std::string_view name_of(InvalidUtf8 policy) {
  switch (policy) {
    case InvalidUtf8::kError: return "error";
    case InvalidUtf8::kReplace: return "replace";
    case InvalidUtf8::kSkip: return "skip";
  }
  return "?";
}

size_t first_invalid_utf8(std::string_view text) {
  const size_t nul = text.find('\0');
  const std::string_view before_nul = text.substr(0, nul);
  if (simdjson::validate_utf8(before_nul.data(), before_nul.size())) return nul;
  size_t at = 0;
  for (Sequence next = sequence_at(text, at); next.valid; next = sequence_at(text, at))
    at += next.length;
  return at;
}

int64_t append_with_replacements(std::string_view text, std::string& out) {
  size_t at = std::min(first_invalid_utf8(text), text.size());
  out.append(text.substr(0, at));
  int64_t replaced = 0;
  while (at < text.size()) {
    const Sequence next = sequence_at(text, at);
    if (next.valid) out.append(text.substr(at, next.length));
    else out.append("\xEF\xBF\xBD");
    replaced += next.valid ? 0 : 1;
    at += next.length;
  }
  return replaced;
}

bool may_have_surrogates(std::string_view json) {
  ByteBits escaped = 0;  // bit 0: the block before ends with a backslash
  for (size_t at = 0; at < json.size(); at += ByteBlock::kSize) {
    const ByteBlock block(json, at);
    const ByteBits slashes = block.bits([](__m128i x) { return bytes::equal(x, '\\'); });
    ByteBits units = block.bits([](__m128i x) { return bytes::equal(x, 'u'); });
    for (units &= slashes << 1 | escaped; units != 0; units &= units - 1) {
      const size_t digit = at + static_cast<size_t>(std::countr_zero(units)) + 1;
      if (digit < json.size() && (json[digit] | 0x20) == 'd') return true;
    }
    escaped = slashes >> 63;
  }
  return false;
}

int64_t replace_lone_surrogates(std::string& json) {
  int64_t replaced = 0;
  for (size_t at = 0; at + 1 < json.size();) {
    if (json[at] != '\\') {
      ++at;
      continue;
    }
    const int unit = escape_at(json, at);
    const bool high = unit >= 0xD800 && unit < 0xDC00, low = unit >= 0xDC00 && unit < 0xE000;
    const int next = high ? escape_at(json, at + 6) : -1;
    if (high && next >= 0xDC00 && next < 0xE000) {
      at += 12;
      continue;
    }
    if (high || low) {
      json.replace(at, 6, "\\uFFFD");
      ++replaced;
    }
    at += unit >= 0 ? 6 : 2;
  }
  return replaced;
}

}  // namespace weft::data
