#include "data/line_reader.h"

#include <algorithm>
#include <utility>

namespace weft::data {
namespace {

constexpr size_t kReadBytes = 1 << 20;

}  // namespace

LineReader::LineReader(const FileSystem& files, const ByteReader::Source& source, int64_t max_bytes)
    : max_bytes_(static_cast<size_t>(max_bytes)), reader_(files, source) {}

bool LineReader::next(std::string_view& line) {
  too_long_ = false;
  const size_t end = find_end();
  if (begin_ == buffer_.size() && !too_long_) return false;
  ++number_;
  if (end - begin_ > max_bytes_) too_long_ = true;
  line = too_long_ ? std::string_view() : std::string_view(buffer_).substr(begin_, end - begin_);
  begin_ = std::min(end + 1, buffer_.size());
  const int64_t place = reader_.place_of(content_begin_ + static_cast<int64_t>(begin_));
  line_begin_ = std::exchange(line_end_, place);
  return true;
}

size_t LineReader::find_end() {
  size_t end = buffer_.find('\n', begin_);
  while (end == std::string::npos && !reader_.at_end()) {
    const size_t searched = buffer_.size() - begin_;
    if (searched > max_bytes_) {  // what is too long to keep is not kept
      too_long_ = true;
      begin_ = buffer_.size();
    }
    refill();
    end = buffer_.find('\n', too_long_ ? 0 : searched);
  }
  return std::min(end, buffer_.size());
}

// The unfinished line moves to the front of the buffer.
void LineReader::refill() {
  buffer_.erase(0, begin_);
  content_begin_ += static_cast<int64_t>(begin_);
  begin_ = 0;
  reader_.append_to(buffer_, kReadBytes);
}

}  // namespace weft::data
