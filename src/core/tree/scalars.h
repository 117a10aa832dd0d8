// Strict numbers and words from text. One spelling for each meaning: `010`, `1_000`, `yes` and
// `.inf` mean different things to different YAML readers, so they are refused with advice.
//
// A reader returns false when `text` is not what it reads; `advice` then says how to write it, or
// stays empty when there is nothing better to say than what is allowed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft {

// -?(0|[1-9][0-9]*) within int64.
bool read_integer(std::string_view text, int64_t& value, std::string& advice);
// A decimal number with optional fraction and exponent: 1, 0.5, .5, 2e-5. Finite.
bool read_real(std::string_view text, double& value, std::string& advice);
// true or false, in lower case.
bool read_boolean(std::string_view text, bool& value, std::string& advice);
// A count with its unit, as Marian writes it: [number][K|M|G|T][unit], powers of 1,000. The unit is
// 't' tokens, 'u' updates (steps) or 'e' epochs: 10Gt, 100Ku, 5e. False for a plain number.
bool is_count(std::string_view text, char& unit);
bool read_count(std::string_view text, char unit, double& value, std::string& advice);

// Bytes: 16GiB, 1.5 MiB, 80GB or a plain number; at least 1 and below 2^63, rounded down. `what`
// names the option in the message. Throws Error.
int64_t parse_bytes(std::string_view text, std::string_view what);

// The shortest text that read_real reads back to the same value, always with a point ("8.0",
// "1.0e-05"), so that every YAML and JSON reader takes it for a real number.
std::string real_text(double value);

}  // namespace weft
