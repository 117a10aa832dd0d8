// How many words and characters a text has, all counted in one pass over its bytes.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft::data {

struct WordCounts {
  int64_t words = 0;        // runs of what is no white space
  int64_t characters = 0;   // within them
  int64_t with_letter = 0;  // words that have an ASCII letter or a character that is no ASCII
};
WordCounts count_words(std::string_view text);

// Characters, not bytes, of all the text.
int64_t characters_of(std::string_view text);

}  // namespace weft::data
