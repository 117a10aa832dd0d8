// Numbers as people read them: in progress lines, tables and pages. Independent of the locale; NaN
// and infinities are always words, never hidden. Not here: JSON (log_record.h), bytes
// (core/size_text.h).
#pragma once

#include <cstdint>
#include <string>

namespace weft::report {

// "5.1234": `decimals` digits after the point.
std::string fixed(double value, int decimals);
// "1.00e-03"
std::string scientific(double value, int decimals);
// "5.123", "0.0001234", "1.23e+09": `digits` significant ones, as C's %g.
std::string significant(double value, int digits);
// The shortest text that reads back as the same number.
std::string exact(double value);
// %.17g: enough digits for any double.
std::string seventeen_digits(double value);

// "12,345"
std::string grouped(int64_t value);
// Rounded to an integer, then grouped; "NaN", "Infinity" or scientific beyond 1e18.
std::string grouped(double value);
// "950", "12.3k", "4.56M", "1.20G": three digits and a power of 1000.
std::string compact(double value);
// "61.2%" of 0.612.
std::string percent(double share);
// Seconds as "0:07", "12:34", "3:25:45" or "2d 04:05:06"; a negative or non-finite one is "?".
std::string duration(double seconds);
// "48.5 ns", "1.23 us", "12.3 ms", "4.56 s".
std::string short_time(double seconds);

}  // namespace weft::report
