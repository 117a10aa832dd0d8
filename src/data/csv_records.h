// Rows of a table as text: RFC 4180 (fields between separators, quoted where they hold separators,
// quotes or line ends), with commas or tabs. What a row means is the reader's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/byte_reader.h"

namespace weft::data {

class CsvRecords {
 public:
  enum class Outcome {
    kRow,
    kBlank,
    kTooLong,
    kTooManyFields,
    kTextAfterQuote,
    kUnclosedQuote,
    kEnd
  };

  // Of a row: a field takes some sixty bytes, however short it is.
  static constexpr size_t kMostFields = 65'536;

  // Rows of more than `max_bytes`, and fields beyond kMostFields, are read over and not kept.
  CsvRecords(const FileSystem& files, const ByteReader::Source& source, char separator,
             int64_t max_bytes);

  // Whatever the outcome, the next call reads the row after it; after kUnclosedQuote there is none.
  Outcome next(std::vector<std::string>& fields);
  int64_t line() const { return row_line_; }  // where the row begins, from 1
  // Where a field of the row begins: line, and byte of the line, from 1.
  struct FieldPlace {
    int64_t line = 0;
    int64_t column = 0;
  };
  FieldPlace field_place(size_t field) const { return places_[field]; }
  int64_t row_begin() const { return row_begin_; }
  int64_t row_end() const { return row_end_; }
  bool has_byte_order_mark() const { return has_byte_order_mark_; }
  std::string hash() const { return reader_.hash(); }

 private:
  int peek();
  void add(char c);
  Outcome read_row(std::vector<std::string>& fields);
  // The field at the place; what ended it.
  Outcome read_field();
  Outcome read_quoted();
  bool at_field_end();
  void pass_line();
  void end_line();

  ByteReader reader_;
  const char separator_;
  const size_t max_bytes_;
  std::string buffer_;
  size_t at_ = 0;
  int64_t content_begin_ = 0;
  std::string field_;
  size_t row_bytes_ = 0;
  int64_t line_ = 1;
  int64_t row_line_ = 1;
  int64_t line_begin_ = 0;  // of the line at the place, in the content
  std::vector<FieldPlace> places_;
  int64_t row_begin_ = 0;
  int64_t row_end_ = 0;
  bool has_byte_order_mark_ = false;
};

}  // namespace weft::data
