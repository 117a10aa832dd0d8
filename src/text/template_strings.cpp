#include "text/template_strings.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "text/unicode.h"

namespace weft::text {
namespace {

// Capitals first..last, every `every`-th of them, have their small letter `to_lower` further on.
struct CasePairs {
  uint32_t first, last, every;
  int32_t to_lower;
};
constexpr std::array<CasePairs, 33> kPairs = {{
    {'A', 'Z', 1, 32},       {0xC0, 0xD6, 1, 32},   {0xD8, 0xDE, 1, 32},    {0x100, 0x12E, 2, 1},
    {0x132, 0x136, 2, 1},    {0x139, 0x147, 2, 1},  {0x14A, 0x176, 2, 1},   {0x178, 0x178, 1, -121},
    {0x179, 0x17D, 2, 1},    {0x1A0, 0x1A4, 2, 1},  {0x1AF, 0x1AF, 1, 1},   {0x1CD, 0x1DB, 2, 1},
    {0x1DE, 0x1EE, 2, 1},    {0x1F8, 0x21E, 2, 1},  {0x222, 0x232, 2, 1},   {0x370, 0x372, 2, 1},
    {0x386, 0x386, 1, 38},   {0x388, 0x38A, 1, 37}, {0x38C, 0x38C, 1, 64},  {0x38E, 0x38F, 1, 63},
    {0x391, 0x3A1, 1, 32},   {0x3A3, 0x3AB, 1, 32}, {0x400, 0x40F, 1, 80},  {0x410, 0x42F, 1, 32},
    {0x460, 0x480, 2, 1},    {0x48A, 0x4BE, 2, 1},  {0x4C0, 0x4C0, 1, 15},  {0x4C1, 0x4CD, 2, 1},
    {0x4D0, 0x52E, 2, 1},    {0x531, 0x556, 1, 48}, {0x1E00, 0x1E94, 2, 1}, {0x1EA0, 0x1EFE, 2, 1},
    {0xFF21, 0xFF3A, 1, 32},
}};

uint32_t lower_of(uint32_t code) {
  for (const CasePairs& pairs : kPairs) {
    if (code >= pairs.first && code <= pairs.last && (code - pairs.first) % pairs.every == 0)
      return static_cast<uint32_t>(static_cast<int32_t>(code) + pairs.to_lower);
  }
  return code;
}

uint32_t upper_of(uint32_t code) {
  if (code == 0x3C2) return 0x3A3;  // final sigma
  for (const CasePairs& pairs : kPairs) {
    const auto large = static_cast<uint32_t>(static_cast<int32_t>(code) - pairs.to_lower);
    if (large >= pairs.first && large <= pairs.last && (large - pairs.first) % pairs.every == 0)
      return large;
  }
  return code;
}

bool is_letter(uint32_t code) {
  return (class_table()[code] & kLetter) != 0;
}

// Calls body(code, bytes) for each character.
template <class Body>
void for_each_char(std::string_view text, const Body& body) {
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    body(c.code, text.substr(at, c.size));
    at += c.size;
  }
}

void append_lower(std::string& out, uint32_t code, std::string_view bytes) {
  const uint32_t small = lower_of(code);
  small == code ? void(out += bytes) : append_utf8(out, small);
}

void append_upper(std::string& out, uint32_t code, std::string_view bytes) {
  const uint32_t large = upper_of(code);
  if (code == 0xDF) {
    out += "SS";
  } else {
    large == code ? void(out += bytes) : append_utf8(out, large);
  }
}

size_t spaces_at(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size()) {
    const Utf8Char c = utf8_at(text, end);
    if (!is_python_space(c.code)) break;
    end += c.size;
  }
  return end - at;
}

size_t word_end(std::string_view text, size_t at) {
  while (at < text.size()) {
    const Utf8Char c = utf8_at(text, at);
    if (is_python_space(c.code)) break;
    at += c.size;
  }
  return at;
}

size_t word_begin(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char c = utf8_last(text);
    if (is_python_space(c.code)) break;
    text.remove_suffix(c.size);
  }
  return text.size();
}

std::vector<std::string_view> split_words(std::string_view text, int64_t most) {
  std::vector<std::string_view> words;
  for (size_t at = spaces_at(text, 0); at < text.size();) {
    if (static_cast<int64_t>(words.size()) == most) {
      words.push_back(text.substr(at));
      break;
    }
    const size_t end = word_end(text, at);
    words.push_back(text.substr(at, end - at));
    at = end + spaces_at(text, end);
  }
  return words;
}

std::vector<std::string_view> split_words_from_right(std::string_view text, int64_t most) {
  std::vector<std::string_view> words;
  for (text = strip(text, std::nullopt, {false, true}); !text.empty();
       text = strip(text, std::nullopt, {false, true})) {
    const bool last = static_cast<int64_t>(words.size()) == most;
    const size_t begin = last ? 0 : word_begin(text);
    words.push_back(text.substr(begin));
    text = text.substr(0, begin);
  }
  std::reverse(words.begin(), words.end());
  return words;
}

bool ends_line(uint32_t code) {
  return (code >= '\n' && code <= '\r') || (code >= 0x1c && code <= 0x1e) || code == 0x85 ||
         code == 0x2028 || code == 0x2029;
}

bool contains_char(std::string_view chars, uint32_t code) {
  for (size_t at = 0; at < chars.size();) {
    const Utf8Char c = utf8_at(chars, at);
    if (c.code == code) return true;
    at += c.size;
  }
  return false;
}

}  // namespace

size_t count_chars(std::string_view text) {
  return text.size() -
         static_cast<size_t>(std::count_if(text.begin(), text.end(), is_continuation));
}

std::vector<size_t> char_offsets(std::string_view text) {
  std::vector<size_t> offsets;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!is_continuation(text[i])) offsets.push_back(i);
  }
  offsets.push_back(text.size());
  return offsets;
}

bool is_python_space(uint32_t code) {
  if (code < 0x80)
    return code == ' ' || (code >= '\t' && code <= '\r') || (code >= 0x1c && code < 0x20);
  return (class_table()[code] & kSpace) != 0;
}
bool is_upper(uint32_t code) {
  return (class_table()[code] & kUpper) != 0;
}
bool is_lower(uint32_t code) {
  return (class_table()[code] & kLower) != 0;
}

std::string_view strip(std::string_view text, std::optional<std::string_view> chars, Sides sides) {
  const auto goes = [&](uint32_t code) {
    return chars ? contains_char(*chars, code) : is_python_space(code);
  };
  while (sides.left && !text.empty() && goes(utf8_at(text, 0).code))
    text.remove_prefix(utf8_at(text, 0).size);
  while (sides.right && !text.empty() && goes(utf8_last(text).code))
    text.remove_suffix(utf8_last(text).size);
  return text;
}

std::vector<std::string_view> split(std::string_view text, const SplitBy& by) {
  if (!by.separator)
    return by.from_right ? split_words_from_right(text, by.most) : split_words(text, by.most);
  const std::string_view separator = *by.separator;
  std::vector<std::string_view> parts;
  if (by.from_right) {
    size_t cut = 0;
    while (static_cast<int64_t>(parts.size()) != by.most &&
           (cut = text.rfind(separator)) != std::string_view::npos) {
      parts.push_back(text.substr(cut + separator.size()));
      text = text.substr(0, cut);
    }
    parts.push_back(text);
    std::reverse(parts.begin(), parts.end());
    return parts;
  }
  size_t at = 0, cut = 0;
  while (static_cast<int64_t>(parts.size()) != by.most &&
         (cut = find_text(text, separator, at)) != std::string_view::npos) {
    parts.push_back(text.substr(at, cut - at));
    at = cut + separator.size();
  }
  parts.push_back(text.substr(at));
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    size_t end = at + c.size;
    if (ends_line(c.code)) {
      if (c.code == '\r' && end < text.size() && text[end] == '\n') ++end;
      lines.push_back(text.substr(begin, (keep_ends ? end : at) - begin));
      begin = end;
    }
    at = end;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

std::string to_upper(std::string_view text) {
  std::string out;
  for_each_char(text,
                [&](uint32_t code, std::string_view bytes) { append_upper(out, code, bytes); });
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  for_each_char(text,
                [&](uint32_t code, std::string_view bytes) { append_lower(out, code, bytes); });
  return out;
}

std::string swap_case(std::string_view text) {
  std::string out;
  for_each_char(text, [&](uint32_t code, std::string_view bytes) {
    is_upper(code) ? append_lower(out, code, bytes) : append_upper(out, code, bytes);
  });
  return out;
}

std::string capitalized(std::string_view text) {
  if (text.empty()) return {};
  const size_t first = utf8_at(text, 0).size;
  return to_upper(text.substr(0, first)) + to_lower(text.substr(first));
}

std::string titled(std::string_view text) {
  std::string out;
  bool in_word = false;
  for_each_char(text, [&](uint32_t code, std::string_view bytes) {
    in_word ? append_lower(out, code, bytes) : append_upper(out, code, bytes);
    in_word = is_letter(code);
  });
  return out;
}

size_t find_text(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (part.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

}  // namespace weft::text
