// A file as records: lines, or the values of a JSON file. Where records end, and how long they may
// be; what stands in them is for the readers of a format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "data/byte_reader.h"

namespace weft::data {

// A part of a file that holds at most one document.
class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // False at the end. `record` is valid until the next call. A record of more than the limit gives
  // true with is_too_long() set, and an empty record.
  virtual bool next(std::string_view& record) = 0;
  virtual bool is_too_long() const = 0;
  virtual int64_t number() const = 0;  // of the line where the record begins, from 1
  // Its place in the file, with what ends it.
  virtual int64_t record_begin() const = 0;
  virtual int64_t record_end() const = 0;
  virtual std::string hash() const = 0;  // of the file, at its end
};

// Lines without their LF.
class LineReader final : public RecordSource {
 public:
  LineReader(const FileSystem& files, const ByteReader::Source& source, int64_t max_bytes);

  bool next(std::string_view& line) override;
  bool is_too_long() const override { return too_long_; }
  int64_t number() const override { return number_; }
  int64_t record_begin() const override { return line_begin_; }
  int64_t record_end() const override { return line_end_; }
  std::string hash() const override { return reader_.hash(); }

 private:
  // Where the line that begins at begin_ ends; reads as far as that takes.
  size_t find_end();
  void refill();

  const size_t max_bytes_;
  ByteReader reader_;
  std::string buffer_;
  size_t begin_ = 0;  // of what was not given out, in the buffer
  int64_t content_begin_ = 0;
  int64_t number_ = 0;
  int64_t line_begin_ = 0;
  int64_t line_end_ = 0;
  bool too_long_ = false;
};

}  // namespace weft::data
