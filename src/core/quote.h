// Text from a file inside a message of ours: short, printable, in quotes.
#pragma once

#include <string>
#include <string_view>

namespace weft {

// 'text', with control characters and bytes outside ASCII as \xNN, cut after `longest` bytes. Names
// in hostile files may hold terminal escapes or megabytes.
std::string quote(std::string_view text, size_t longest = 100);

}  // namespace weft
