// Columns of a table that are read beside its text, and what their cells hold. What is done with
// them is the stages' (clean/table_stages.h).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::data {

// A column, and what may stand in it.
struct ColumnSpec {
  std::string name;                  // of the header; of JSON a key, or a path of keys
  bool categorical = false;          // any text is a value; otherwise a number must stand there
  bool may_be_missing = false;       // a stage `missing` handles it
  std::vector<std::string> markers;  // what stands for a missing value, besides is_missing_word()

  bool operator==(const ColumnSpec&) const = default;
};

struct TableCell {
  bool missing = true;
  double number = 0;  // of a numeric column; of a categorical one its place among the categories
  std::string word;   // of a categorical column

  bool operator==(const TableCell&) const = default;
};

// The largest magnitude of a number: what fits fp32, in which features are written.
inline constexpr double kLargestNumber = std::numeric_limits<float>::max();

// Nothing but blanks, or one of NA, N/A, NaN, null and None in any case.
bool is_missing_word(std::string_view text);

// Reads what stands in a cell, blanks around it left alone. What is wrong with it, if something is:
// "is 'abc', allowed is a number".
std::optional<std::string> read_cell(std::string_view text, const ColumnSpec& column,
                                     TableCell& cell);

// A number of at most kLargestNumber, written in decimal; nothing else may stand there.
std::optional<double> number_of(std::string_view text);

}  // namespace weft::data
