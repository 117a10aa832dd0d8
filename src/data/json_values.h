// The values of a .json file, cut out one by one: the elements of a list, or values that follow one
// another. It only finds where they end; whether they are JSON is for a parser to say.
#pragma once

#include <string>

#include "data/line_reader.h"

namespace weft::data {

class JsonValues final : public RecordSource {
 public:
  JsonValues(const FileSystem& files, const ByteReader::Source& source, int64_t max_bytes);

  // Throws Error naming file and line for a list that is not closed or has no comma between values.
  bool next(std::string_view& value) override;
  bool is_too_long() const override { return too_long_; }
  int64_t number() const override { return first_line_; }
  int64_t record_begin() const override { return value_begin_; }
  int64_t record_end() const override { return value_end_; }
  std::string hash() const override { return reader_.hash(); }

 private:
  // The byte at at_, or -1 at the end. What stands before begin_ may be forgotten.
  int peek();
  // Passes white space; the byte after it.
  int skip_space();
  // Passes what stands between values; false at the end.
  bool find_value();
  // Passes a byte order mark and the bracket of a list.
  void start();
  void pass_value();
  void pass_string();
  void drop_what_is_too_long();
  [[noreturn]] void fail(const std::string& reason) const;

  const Path name_;
  const size_t max_bytes_;
  ByteReader reader_;
  std::string buffer_;
  size_t begin_ = 0;           // of the value, in the buffer
  size_t at_ = 0;              // of the next byte
  int64_t content_begin_ = 0;  // of the buffer, in the content
  int64_t line_ = 1;
  int64_t first_line_ = 1;
  int64_t value_begin_ = 0;
  int64_t value_end_ = 0;
  bool started_ = false;
  bool in_list_ = false;
  bool closed_ = false;
  bool first_value_ = true;
  bool too_long_ = false;
};

}  // namespace weft::data
