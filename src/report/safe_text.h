// Text from anywhere (samples, file names, notes) made safe for where it is shown: a terminal,
// JSON, HTML, TensorBoard.
#pragma once

#include <string>
#include <string_view>

namespace weft::report {

// Without what would move a terminal's cursor or start a new line: control characters as \xNN.
std::string printable(std::string_view text);

// How many columns of a terminal UTF-8 text takes: Chinese, Japanese and Korean letters two.
int columns(std::string_view text);

// What of UTF-8 text fits into `width` columns.
std::string cut(std::string_view text, int width);

// With bytes that are not UTF-8 as U+FFFD.
std::string valid_utf8(std::string_view bytes);

// As a JSON string, quotes included; bytes that are not UTF-8 as U+FFFD.
std::string json_string(std::string_view text);

// As the text of an HTML element or the value of a quoted attribute: & < > " ' escaped, bytes that
// are not UTF-8 and control characters that HTML does not allow as U+FFFD.
std::string html_text(std::string_view text);

}  // namespace weft::report
