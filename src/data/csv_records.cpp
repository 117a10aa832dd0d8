#include "data/csv_records.h"

#include <utility>

#include "data/utf8_policy.h"

namespace weft::data {
namespace {

constexpr size_t kReadBytes = 1 << 20;

}  // namespace

CsvRecords::CsvRecords(const FileSystem& files, const ByteReader::Source& source, char separator,
                       int64_t max_bytes)
    : reader_(files, source), separator_(separator), max_bytes_(static_cast<size_t>(max_bytes)) {
  peek();
  has_byte_order_mark_ = buffer_.starts_with(kByteOrderMark);
  if (has_byte_order_mark_) at_ = kByteOrderMark.size();
  line_begin_ = static_cast<int64_t>(at_);
}

// The byte at at_, or -1 at the end.
int CsvRecords::peek() {
  while (at_ == buffer_.size()) {
    if (reader_.at_end()) return -1;
    content_begin_ += static_cast<int64_t>(buffer_.size());
    buffer_.clear();
    at_ = 0;
    reader_.append_to(buffer_, kReadBytes);
  }
  return static_cast<uint8_t>(buffer_[at_]);
}

CsvRecords::Outcome CsvRecords::next(std::vector<std::string>& fields) {
  fields.clear();
  places_.clear();
  row_line_ = line_;
  row_bytes_ = 0;
  if (peek() < 0) return Outcome::kEnd;
  const Outcome outcome = read_row(fields);
  row_begin_ =
      std::exchange(row_end_, reader_.place_of(content_begin_ + static_cast<int64_t>(at_)));
  return row_bytes_ > max_bytes_ && outcome == Outcome::kRow ? Outcome::kTooLong : outcome;
}

CsvRecords::Outcome CsvRecords::read_row(std::vector<std::string>& fields) {
  bool too_many = false;
  while (true) {
    peek();  // so that content_begin_ is that of the field
    too_many = too_many || fields.size() == kMostFields;
    if (!too_many)
      places_.push_back({line_, content_begin_ + static_cast<int64_t>(at_) - line_begin_ + 1});
    const Outcome outcome = read_field();
    if (outcome != Outcome::kRow) return outcome;
    if (!too_many) fields.push_back(field_);
    if (peek() == static_cast<uint8_t>(separator_)) {
      ++at_;
      continue;
    }
    pass_line();
    if (too_many) return Outcome::kTooManyFields;
    return fields.size() == 1 && fields[0].empty() && row_bytes_ == 0 ? Outcome::kBlank
                                                                      : Outcome::kRow;
  }
}

void CsvRecords::add(char c) {
  ++row_bytes_;
  if (row_bytes_ <= max_bytes_) field_ += c;
}

// Before a separator, a line end or the end. A CR counts where an LF or the end follows it.
bool CsvRecords::at_field_end() {
  while (true) {
    const int c = peek();
    if (c < 0 || c == '\n' || c == static_cast<uint8_t>(separator_)) return true;
    if (c != '\r') return false;
    ++at_;
    const int next = peek();
    if (next < 0 || next == '\n') return true;
    add('\r');
  }
}

CsvRecords::Outcome CsvRecords::read_field() {
  field_.clear();
  if (peek() == '"') return read_quoted();
  while (!at_field_end()) add(buffer_[at_++]);
  return Outcome::kRow;
}

CsvRecords::Outcome CsvRecords::read_quoted() {
  ++at_;
  ++row_bytes_;  // so that a row of one empty quoted field is not blank
  for (int c = peek(); c >= 0; c = peek()) {
    ++at_;
    if (c == '\n') end_line();
    if (c != '"' || peek() == '"') {
      if (c == '"') ++at_;
      add(static_cast<char>(c));
      continue;
    }
    if (at_field_end()) return Outcome::kRow;
    pass_line();
    return Outcome::kTextAfterQuote;
  }
  return Outcome::kUnclosedQuote;
}

// An LF was passed.
void CsvRecords::end_line() {
  ++line_;
  line_begin_ = content_begin_ + static_cast<int64_t>(at_);
}

void CsvRecords::pass_line() {
  for (int c = peek(); c >= 0; c = peek()) {
    ++at_;
    if (c != '\n') continue;
    end_line();
    return;
  }
}

}  // namespace weft::data
