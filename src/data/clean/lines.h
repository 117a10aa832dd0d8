// A text's lines and the words between its white space, as the published quality rules count them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft::data {

inline bool is_white(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Calls visit(line) for each line, without its LF.
template <class Visit>
void for_each_line(std::string_view text, Visit visit) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    if (end == text.npos) return visit(text.substr(begin));
    visit(text.substr(begin, end - begin));
    begin = end + 1;
  }
}

// Calls visit(word) for each run of what is no white space.
template <class Visit>
void for_each_spaced_word(std::string_view text, Visit visit) {
  for (size_t at = 0; at < text.size();) {
    while (at < text.size() && is_white(text[at])) ++at;
    const size_t begin = at;
    while (at < text.size() && !is_white(text[at])) ++at;
    if (at > begin) visit(text.substr(begin, at - begin));
  }
}

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white(text.back())) text.remove_suffix(1);
  return text;
}

// Characters, not bytes.
inline int64_t characters_of(std::string_view text) {
  int64_t count = 0;
  for (const char c : text) count += (static_cast<uint8_t>(c) & 0xC0) != 0x80;
  return count;
}

}  // namespace weft::data
