// Tables: a header that names the columns, a document in one column of each row.
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
    check(outcome);
    columns_ = fields_;
    std::set<std::string> seen;
    for (const std::string& column : columns_)
      if (!seen.insert(column).second)
        throw Error(place_text() + ": column " + quote(column) + " stands there twice; rename one");
    const auto found = std::find(columns_.begin(), columns_.end(), context().options.text_field);
    if (found == columns_.end())
      throw Error(place_text() + ": column '" + context().options.text_field +
                  "' is missing; the header has " + column_list() +
                  "; --text-field names the one with the text");
    text_column_ = static_cast<size_t>(found - columns_.begin());
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
    check(outcome);
    if (fields_.size() != columns_.size())
      fail(kMalformedReason, "the row has " + std::to_string(fields_.size()) +
                                 " fields, the header " + std::to_string(columns_.size()) +
                                 "; quote fields that hold separators");
    const std::string& text = fields_[text_column_];
    if (text.empty()) count(kEmptyReason);
    else append_text(text, document);
    return true;
  }

  void check(CsvRecords::Outcome outcome) const {
    if (outcome == CsvRecords::Outcome::kTooLong) fail_too_long();
    if (outcome == CsvRecords::Outcome::kTextAfterQuote)
      fail(kMalformedReason,
           "text follows a closing quote; a quote within a quoted field is written twice");
    if (outcome == CsvRecords::Outcome::kUnclosedQuote)
      fail(kMalformedReason, "a quote that opens in this row is never closed");
  }

  Place place() const override { return {rows_.row_begin(), rows_.row_end(), rows_.line()}; }

  CsvRecords rows_;
  std::vector<std::string> columns_;
  std::vector<std::string> fields_;
  size_t text_column_ = 0;
};

}  // namespace

std::unique_ptr<FileReader> open_table(const FileContext& context) {
  return std::make_unique<TableReader>(context);
}

}  // namespace weft::data
