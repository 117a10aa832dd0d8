// One YAML document as a tree with positions, strictly. The parser is yaml-cpp; the strictness is
// ours, because yaml-cpp takes the first of two equal keys, reads `010` as 8, follows aliases
// without limit and forgets which scalars were quoted. Values stay text (core/tree/bind.h reads
// them).
#pragma once

#include <string_view>

#include "core/tree/tree.h"

namespace weft::config {

// `source` is the file's name in positions and messages. An empty document is a null tree.
//
// Throws Error with file:line:column for: more than 256 KiB, kMaxTreeDepth or kMaxTreeValues
// (aliases count as often as they are used); bytes that are not UTF-8; control characters; tabs in
// indentation; duplicate keys; keys that are not text; tags; merge keys (`<<`); aliases within
// their own anchor; a second document; anything that yaml-cpp refuses.
Tree parse_yaml(std::string_view text, std::string_view source);

// The value of a command-line argument: every position is `origin` as a whole.
Tree parse_yaml_argument(std::string_view text, std::string_view origin);

}  // namespace weft::config
