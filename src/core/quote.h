// Text from outside inside a message of ours: names in hostile files and folders may hold terminal
// escapes, line ends or megabytes. Whatever a file says goes through here before it is shown.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace weft {

// The text as it may stand on a terminal: UTF-8 letters stay; control characters, line ends,
// characters that are invisible or turn the direction of writing, and bytes that are not UTF-8
// become \xNN. Cut after `longest` bytes, or before the letter that this would cut.
std::string printable(std::string_view text, size_t longest = 4096);

// 'text', by printable().
std::string quote(std::string_view text, size_t longest = 100);

// 'path', by printable(): people name folders in their own language.
std::string quote_path(const std::filesystem::path& path);

// A whole message of several lines: as printable(), but line ends stay.
std::string printable_lines(std::string_view text);

}  // namespace weft
