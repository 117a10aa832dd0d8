// Reads a tokenizer's regular expression into PCRE2 syntax and sets of code points. Not here: the
// alphabet (regex_rewrite.h) and matching (regex.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/code_set.h"

namespace weft::text {

// Either syntax that is passed on, or a set of characters of which one matches.
struct RegexItem {
  std::string syntax;
  size_t set = 0;  // index into ParsedRegex::sets, where syntax is empty
};

struct ParsedRegex {
  std::vector<RegexItem> items;
  std::vector<CodeSet> sets;  // all different; the first is {'\n'}
};

// Throws Error, beginning with `where`.
ParsedRegex parse_regex(std::string_view expression, const std::string& where);

}  // namespace weft::text
