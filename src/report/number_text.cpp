// Numbers as text; see number_text.h.
#include "report/number_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "weft/error.h"

namespace weft::report {
namespace {

// "NaN", "Infinity", "-Infinity", or empty for a finite number.
std::string_view word_for(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return {};
}

template <class... Format>
std::string converted(double value, Format... format) {
  if (const std::string_view word = word_for(value); !word.empty()) return std::string(word);
  std::array<char, 512> text{};  // 1e308 with decimals has some 320 characters
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, format...);
  WEFT_ASSERT(end.ec == std::errc());
  return {text.data(), end.ptr};
}

// Three significant digits, which is what fits beside a unit: "1.23", "12.3", "123".
std::string three_digits(double value) {
  const double size = std::abs(value);
  return fixed(value, size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
}

void append_colon_and_two_digits(std::string& out, int64_t value) {
  out += ':';
  out += static_cast<char>('0' + value / 10);
  out += static_cast<char>('0' + value % 10);
}

}  // namespace

std::string fixed(double value, int decimals) {
  return converted(value, std::chars_format::fixed, decimals);
}

std::string scientific(double value, int decimals) {
  return converted(value, std::chars_format::scientific, decimals);
}

std::string significant(double value, int digits) {
  return converted(value, std::chars_format::general, digits);
}

std::string exact(double value) {
  return converted(value);
}

std::string seventeen_digits(double value) {
  return converted(value, std::chars_format::general, 17);
}

std::string grouped(int64_t value) {
  const std::string digits = std::to_string(value);
  const size_t first = value < 0 ? 1 : 0;
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > first && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string grouped(double value) {
  if (!(std::abs(value) < 1e18)) return significant(value, 3);
  return grouped(static_cast<int64_t>(std::llround(value)));
}

std::string compact(double value) {
  if (const std::string_view word = word_for(value); !word.empty()) return std::string(word);
  constexpr std::array<std::string_view, 7> kUnits = {"", "k", "M", "G", "T", "P", "E"};
  size_t unit = 0;
  while (unit + 1 < kUnits.size() && std::abs(value) >= 999.5) {
    value /= 1000;
    ++unit;
  }
  const std::string number = unit == 0 ? fixed(value, 0) : three_digits(value);
  return number + std::string(kUnits[unit]);
}

std::string percent(double share) {
  return fixed(share * 100, 1) + "%";
}

std::string duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e12) return "?";
  const int64_t total = std::llround(seconds);
  const int64_t days = total / 86400, hours = total / 3600 % 24, minutes = total / 60 % 60;
  std::string text;
  if (days > 0) text = std::to_string(days) + (hours < 10 ? "d 0" : "d ");
  if (days > 0 || hours > 0) {
    text += std::to_string(hours);
    append_colon_and_two_digits(text, minutes);
  } else {
    text += std::to_string(minutes);
  }
  append_colon_and_two_digits(text, total % 60);
  return text;
}

std::string short_time(double seconds) {
  const double size = std::abs(seconds);
  if (size < 0.9995e-6) return three_digits(seconds * 1e9) + " ns";
  if (size < 0.9995e-3) return three_digits(seconds * 1e6) + " us";
  if (size < 0.9995) return three_digits(seconds * 1e3) + " ms";
  return three_digits(seconds) + " s";
}

}  // namespace weft::report
