#include "data/json_values.h"

#include <utility>

#include "core/quote.h"
#include "data/utf8_policy.h"
#include "weft/error.h"

namespace weft::data {
namespace {

constexpr size_t kReadBytes = 1 << 20;

bool is_space(int c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

JsonValues::JsonValues(const FileSystem& files, const ByteReader::Source& source, int64_t max_bytes)
    : name_(source.name), max_bytes_(static_cast<size_t>(max_bytes)), reader_(files, source) {}

int JsonValues::peek() {
  while (at_ == buffer_.size()) {
    if (reader_.at_end()) return -1;
    buffer_.erase(0, begin_);
    content_begin_ += static_cast<int64_t>(begin_);
    at_ -= begin_;
    begin_ = 0;
    reader_.append_to(buffer_, kReadBytes);
  }
  return static_cast<uint8_t>(buffer_[at_]);
}

int JsonValues::skip_space() {
  int c = peek();
  for (; is_space(c); c = peek()) {
    if (c == '\n') ++line_;
    begin_ = ++at_;
  }
  return c;
}

void JsonValues::start() {
  started_ = true;
  int c = skip_space();
  if (c == 0xEF && std::string_view(buffer_).substr(at_).starts_with(kByteOrderMark)) {
    begin_ = at_ += kByteOrderMark.size();
    c = skip_space();
  }
  in_list_ = c == '[';
  if (in_list_) begin_ = ++at_;
}

bool JsonValues::find_value() {
  if (!started_) start();
  int c = skip_space();
  if (!in_list_) return c >= 0;
  if (closed_) {
    if (c >= 0) fail("something follows the end of the list");
    return false;
  }
  if (c == ']') {
    begin_ = ++at_;
    closed_ = true;
    return find_value();
  }
  if (c < 0) fail("the list is not closed: the file is cut short");
  if (first_value_) return true;
  if (c != ',') fail("a comma is missing between two values of the list");
  begin_ = ++at_;
  c = skip_space();
  if (c < 0 || c == ']') fail("a value is missing after the comma");
  return true;
}

bool JsonValues::next(std::string_view& value) {
  too_long_ = false;
  if (!find_value()) return false;
  first_value_ = false;
  first_line_ = line_;
  pass_value();
  if (at_ - begin_ > max_bytes_) too_long_ = true;
  value = too_long_ ? std::string_view() : std::string_view(buffer_).substr(begin_, at_ - begin_);
  begin_ = at_;
  value_begin_ =
      std::exchange(value_end_, reader_.place_of(content_begin_ + static_cast<int64_t>(at_)));
  return true;
}

// Ends after the bracket that closes the value, or, for what is no object or list, before a comma,
// bracket or line end.
void JsonValues::pass_value() {
  int64_t depth = 0;
  for (int c = peek(); c >= 0; c = peek()) {
    if (depth == 0 && at_ > begin_ && (c == ',' || c == ']' || c == '}' || is_space(c))) return;
    ++at_;
    if (c == '\n') ++line_;
    if (c == '"') pass_string();
    else if (c == '{' || c == '[') ++depth;
    else if (c == '}' || c == ']') --depth;
    if (depth <= 0 && (c == '}' || c == ']' || c == '"')) return;
    drop_what_is_too_long();
  }
}

void JsonValues::pass_string() {
  for (int c = peek(); c >= 0; c = peek()) {
    ++at_;
    if (c == '\n') ++line_;
    if (c == '"') return;
    if (c == '\\' && peek() >= 0) ++at_;
    drop_what_is_too_long();
  }
}

void JsonValues::drop_what_is_too_long() {
  if (at_ - begin_ <= max_bytes_) return;
  too_long_ = true;
  begin_ = at_;
}

void JsonValues::fail(const std::string& reason) const {
  throw Error(printable(name_.native()) + ":" + std::to_string(line_) + ": " + reason);
}

}  // namespace weft::data
