// Tables: a header that names the columns, a document in one column of each row, and cells beside
// it where stages ask for them.
#include <algorithm>
#include <set>

#include "core/quote.h"
#include "data/csv_records.h"
#include "data/record_reader.h"

namespace weft::data {
namespace {

class TableReader final : public RecordReader {
 public:
  explicit TableReader(const FileContext& given)
      : RecordReader(given),
        rows_(context().files, context().source(),
              context().file.kind == InputKind::kCsv ? ',' : '\t',
              context().options.max_line_bytes) {
    read_header();
  }

  std::string file_hash() const override { return rows_.hash(); }

 private:
  void read_header() {
    if (rows_.has_byte_order_mark()) count("byte order mark removed");
    CsvRecords::Outcome outcome = rows_.next(fields_);
    while (outcome == CsvRecords::Outcome::kBlank) outcome = rows_.next(fields_);
    if (outcome == CsvRecords::Outcome::kEnd) return;
    // Without a header no row can be read, whatever the policy.
    if (outcome != CsvRecords::Outcome::kRow)
      throw Error(place_text() + ": " + problem_of(outcome));
    columns_ = fields_;
    std::set<std::string> seen;
    for (size_t i = 0; i < columns_.size(); ++i)
      if (!seen.insert(columns_[i]).second)
        throw Error(cell_place(i) + ": column " + quote(columns_[i]) +
                    " stands there twice; rename one");
    text_column_ =
        column_of(context().options.text_field, "--text-field names the one with the text");
    for (const ColumnSpec& column : context().options.columns)
      cell_columns_.push_back(column_of(column.name, "a stage names it"));
  }

  size_t column_of(const std::string& name, const std::string& advice) const {
    const auto found = std::find(columns_.begin(), columns_.end(), name);
    if (found == columns_.end())
      throw Error(place_text() + ": column " + quote(name) + " is missing; the header has " +
                  column_list() + "; " + advice);
    return static_cast<size_t>(found - columns_.begin());
  }

  // "corpus/a.csv:17:5": line, and byte of the line.
  std::string cell_place(size_t field) const {
    const CsvRecords::FieldPlace place = rows_.field_place(field);
    return printable(context().file.name().native()) + ":" + std::to_string(place.line) + ":" +
           std::to_string(place.column);
  }

  bool read_cells() {
    const std::vector<ColumnSpec>& specs = context().options.columns;
    cells_.resize(specs.size());
    for (size_t i = 0; i < specs.size(); ++i) {
      const size_t field = cell_columns_[i];
      if (const auto wrong = read_cell(fields_[field], specs[i], cells_[i]))
        return fail_at([&] { return cell_place(field); }, kBadCellReason,
                       [&] { return "column " + quote(specs[i].name) + " " + *wrong; });
    }
    return true;
  }

  std::string column_list() const {
    std::string list;
    for (const std::string& column : columns_) {
      if (list.size() > 200) return list + " and more";
      list += (list.empty() ? "'" : ", '") + column + "'";
    }
    return list;
  }

  bool next_record(std::string& document) override {
    const CsvRecords::Outcome outcome = rows_.next(fields_);
    if (outcome == CsvRecords::Outcome::kEnd) return false;
    if (outcome == CsvRecords::Outcome::kBlank) {
      count(kBlankReason);
      return true;
    }
    read_row(outcome, document);
    return true;
  }

  void read_row(CsvRecords::Outcome outcome, std::string& document) {
    if (outcome != CsvRecords::Outcome::kRow) {
      const bool too_long = outcome == CsvRecords::Outcome::kTooLong;
      fail(too_long ? kTooLongReason : kMalformedReason, [&] { return problem_of(outcome); });
      return;
    }
    if (fields_.size() != columns_.size()) {
      fail(kMalformedReason, [&] {
        return "the row has " + std::to_string(fields_.size()) + " fields, the header " +
               std::to_string(columns_.size()) + "; quote fields that hold separators";
      });
      return;
    }
    const std::string& text = fields_[text_column_];
    if (text.empty()) return count(kEmptyReason);
    if (read_cells()) append_text(text, document);
  }

  std::string problem_of(CsvRecords::Outcome outcome) const {
    switch (outcome) {
      case CsvRecords::Outcome::kTooLong: return too_long();
      case CsvRecords::Outcome::kTooManyFields:
        return "the row has more than " + std::to_string(CsvRecords::kMostFields) +
               " fields; is this a table with that separator?";
      case CsvRecords::Outcome::kTextAfterQuote:
        return "text follows a closing quote; a quote within a quoted field is written twice";
      case CsvRecords::Outcome::kUnclosedQuote:
        return "a quote that opens in this row is never closed";
      case CsvRecords::Outcome::kRow:
      case CsvRecords::Outcome::kBlank:
      case CsvRecords::Outcome::kEnd: break;
    }
    return "";
  }

  Place place() const override { return {rows_.row_begin(), rows_.row_end(), rows_.line()}; }

  CsvRecords rows_;
  std::vector<std::string> columns_;
  std::vector<std::string> fields_;
  size_t text_column_ = 0;
  std::vector<size_t> cell_columns_;  // of the columns that are asked for
};

}  // namespace

std::unique_ptr<FileReader> open_table(const FileContext& context) {
  return std::make_unique<TableReader>(context);
}

}  // namespace weft::data
