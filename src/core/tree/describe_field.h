// Words about fields, the same in error messages and in the documentation.
#pragma once

#include <string>

#include "core/tree/fields.h"

namespace weft {

// "at least 1", "more than 0 and at most 1", or "" for a field without limits.
std::string range_text(const FieldInfo& info);
// "an integer", "a list", ...
std::string_view kind_text(FieldKind kind);
// "a, b or c".
std::string alternatives(const std::vector<std::string_view>& words);
// A value in a message: 'text', "a list of 3", "nothing", ...
std::string shown(const Tree& tree);

}  // namespace weft
