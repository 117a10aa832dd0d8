// Rewrites a tokenizer's regular expression over an alphabet of character classes (regex.h says
// why). Not here: matching.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/unicode.h"

namespace weft::text {

struct RewrittenRegex {
  std::string expression;        // PCRE2 syntax over bytes; '\n' is itself
  CodeTable<uint8_t> letter_of;  // the byte that stands for a code point
};

// Throws Error, beginning with `where`, for what is malformed or not supported.
RewrittenRegex rewrite_regex(std::string_view expression, const std::string& where);

}  // namespace weft::text
