#include "data/table_cells.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/quote.h"
#include "data/utf8_policy.h"

namespace weft::data {
namespace {

constexpr size_t kMostShown = 60;

std::string_view without_blanks(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

bool equal_in_any_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  });
}

std::string shown(std::string_view text) {
  return quote(text.size() > kMostShown ? std::string(text.substr(0, kMostShown)) + "..."
                                        : std::string(text));
}

}  // namespace

bool is_missing_word(std::string_view text) {
  constexpr std::array<std::string_view, 6> kWords = {"", "na", "n/a", "nan", "null", "none"};
  return std::any_of(kWords.begin(), kWords.end(), [&](std::string_view word) {
    return equal_in_any_case(without_blanks(text), word);
  });
}

std::optional<double> number_of(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // What is too small for a double is no fault of a table; it is 0.
  const bool tiny = error == std::errc::result_out_of_range && std::abs(value) < 1;
  if ((error != std::errc() && !tiny) || end != text.data() + text.size() || text.empty())
    return std::nullopt;
  if (!(std::abs(value) <= kLargestNumber)) return std::nullopt;
  return value;
}

std::optional<std::string> read_cell(std::string_view text, const ColumnSpec& column,
                                     TableCell& cell) {
  text = without_blanks(text);
  cell = {};
  cell.missing = is_missing_word(text) || std::find(column.markers.begin(), column.markers.end(),
                                                    text) != column.markers.end();
  if (cell.missing && !column.may_be_missing)
    return "has no value; put the stage missing before the others of this column";
  if (cell.missing) return std::nullopt;
  if (column.categorical) {
    if (first_invalid_utf8(text) != kAllValid) return "is no UTF-8 text";
    cell.word = text;
    return std::nullopt;
  }
  const std::optional<double> number = number_of(text);
  if (!number) return "is " + shown(text) + ", allowed is a number of at most 3.4e38";
  cell.number = *number;
  return std::nullopt;
}

}  // namespace weft::data
