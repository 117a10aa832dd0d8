// A text's lines and the words between its white space, as the published quality rules count them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "data/clean/byte_masks.h"

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
  for_each_run(
      text, [](__m128i x) { return _mm_xor_si128(bytes::kWhite(x), _mm_set1_epi8(-1)); },
      [&](size_t begin, size_t end) { visit(text.substr(begin, end - begin)); });
}

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace weft::data
