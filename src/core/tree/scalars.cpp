#include "core/tree/scalars.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/quote.h"
#include "weft/error.h"

namespace weft {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

size_t digits_at(std::string_view text, size_t from) {
  size_t end = from;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - from;
}

// [+-]?digits, with any number of leading zeros.
bool looks_like_integer(std::string_view text) {
  const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const size_t digits = digits_at(text, sign);
  return digits > 0 && sign + digits == text.size();
}

// The digits of an integer as they should have been written: no plus, no leading zeros.
std::string plain_integer(std::string_view text) {
  std::string sign = text[0] == '-' ? "-" : "";
  if (text[0] == '-' || text[0] == '+') text.remove_prefix(1);
  while (text.size() > 1 && text[0] == '0') text.remove_prefix(1);
  return sign.append(text);
}

bool has_radix_prefix(std::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  return text.size() > 2 && text[0] == '0' && std::string_view("xXoObB").find(text[1]) != text.npos;
}

std::string without_underscores(std::string_view text) {
  std::string plain(text);
  std::erase(plain, '_');
  return plain;
}

// What is wrong with the spelling of a number of either kind; "" if nothing known.
std::string spelling_advice(std::string_view text) {
  const bool may_be_number = !text.empty() && text.size() <= 40;
  if (!may_be_number) return "";
  if (has_radix_prefix(text)) return "write the number in decimal";
  const std::string plain = without_underscores(text);
  if (plain.size() != text.size() && looks_like_integer(plain))
    return "write " + plain_integer(plain) + ", without underscores";
  if (!looks_like_integer(text)) return "";
  if (text[0] == '+') return "write " + plain_integer(text) + ", without the sign";
  return "write " + plain_integer(text) +
         ": a leading zero means octal to some readers and decimal to others";
}

// Length of the longest -?digits[.digits][e[+-]digits] at the start of `text`; 0 if there is none.
size_t real_length(std::string_view text) {
  size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
  const size_t whole = digits_at(text, at);
  at += whole;
  size_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    fraction = digits_at(text, at + 1);
    at += 1 + fraction;
  }
  if (whole + fraction == 0) return 0;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    const size_t sign = at + 1 < text.size() && (text[at + 1] == '-' || text[at + 1] == '+');
    const size_t exponent = digits_at(text, at + 1 + sign);
    if (exponent > 0) at += 1 + sign + exponent;
  }
  return at;
}

bool has_leading_zero(std::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && is_digit(text[1]);
}

double multiplier_of(char letter) {
  switch (letter) {
    case 'K': return 1e3;
    case 'M': return 1e6;
    case 'G': return 1e9;
    case 'T': return 1e12;
    default: return 0;
  }
}

}  // namespace

bool read_integer(std::string_view text, int64_t& value, std::string& advice) {
  if (!looks_like_integer(text) || text[0] == '+' || has_leading_zero(text)) {
    advice = spelling_advice(text);
    double real = 0;
    std::string ignored;
    if (advice.empty() && read_real(text, real, ignored) && std::floor(real) == real &&
        std::abs(real) < 1e15)
      advice = "write " + std::to_string(static_cast<int64_t>(real));
    return false;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return true;
  advice = "the largest is " + std::to_string(std::numeric_limits<int64_t>::max());
  return false;
}

bool read_real(std::string_view text, double& value, std::string& advice) {
  const size_t length = real_length(text);
  if (length == 0 || length != text.size() || has_leading_zero(text)) {
    advice = spelling_advice(text);
    return false;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return true;
  advice = "it is too large or too small for a 64-bit number";
  return false;
}

bool read_boolean(std::string_view text, bool& value, std::string& advice) {
  if (text == "true" || text == "false") {
    value = text == "true";
    return true;
  }
  std::string lower(text.substr(0, 8));
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  constexpr std::array kYes{"true", "yes", "on", "y", "1"};
  constexpr std::array kNo{"false", "no", "off", "n", "0"};
  if (std::find(kYes.begin(), kYes.end(), lower) != kYes.end()) advice = "write true";
  if (std::find(kNo.begin(), kNo.end(), lower) != kNo.end()) advice = "write false";
  return false;
}

bool is_count(std::string_view text, char& unit) {
  const size_t length = real_length(text);
  if (length == 0 || length == text.size()) return false;
  std::string_view suffix = text.substr(length);
  if (multiplier_of(suffix[0]) != 0) suffix.remove_prefix(1);
  if (suffix != "t" && suffix != "u" && suffix != "e") return false;
  unit = suffix[0];
  return true;
}

bool read_count(std::string_view text, char unit, double& value, std::string& advice) {
  char given = 0;
  if (!is_count(text, given)) return false;
  if (given != unit) {
    constexpr std::string_view kUnits = "tue";
    constexpr std::array kMeanings{
        "tokens: write max_tokens: ", "steps: write max_steps: ", "epochs: write num_epochs: "};
    advice = std::string(text) + " counts " + kMeanings.at(kUnits.find(given)) + std::string(text);
    return false;
  }
  const size_t length = real_length(text);
  if (!read_real(text.substr(0, length), value, advice)) return false;
  const double multiplier = multiplier_of(text[length]);
  if (multiplier != 0) value *= multiplier;
  return true;
}

int64_t parse_bytes(std::string_view text, std::string_view what) {
  struct Unit {
    std::string_view name;
    double bytes;
  };
  constexpr std::array kUnits{Unit{"", 1},         Unit{"B", 1},        Unit{"KiB", 0x1p10},
                              Unit{"MiB", 0x1p20}, Unit{"GiB", 0x1p30}, Unit{"TiB", 0x1p40},
                              Unit{"kB", 1e3},     Unit{"KB", 1e3},     Unit{"MB", 1e6},
                              Unit{"GB", 1e9},     Unit{"TB", 1e12}};
  const size_t length = real_length(text);
  std::string_view suffix = text.substr(length);
  if (suffix.size() > 1 && suffix.front() == ' ') suffix.remove_prefix(1);
  const auto* unit =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == suffix; });
  double value = 0;
  std::string advice;
  const bool readable =
      length > 0 && unit != kUnits.end() && read_real(text.substr(0, length), value, advice);
  const double bytes = readable ? value * unit->bytes : -1;
  if (bytes >= 1 && bytes < 0x1p63) return static_cast<int64_t>(bytes);
  throw Error(std::string(what) + ": " + quote(text) +
              " is not a size; allowed: a number of bytes, at least 1, or one with a unit of KiB, "
              "MiB, GiB, TiB, kB, MB, GB, TB, such as 16GiB");
}

std::string real_text(double value) {
  std::array<char, 32> buffer;
  char* const end = buffer.data() + buffer.size();
  const bool is_whole = std::floor(value) == value && std::abs(value) < 1e15;
  const auto result = is_whole ? std::to_chars(buffer.data(), end, value, std::chars_format::fixed)
                               : std::to_chars(buffer.data(), end, value);
  std::string text(buffer.data(), result.ptr);
  if (text.find('.') != std::string::npos) return text;
  const size_t exponent = std::min(text.find('e'), text.size());
  return text.insert(exponent, ".0");
}

}  // namespace weft
