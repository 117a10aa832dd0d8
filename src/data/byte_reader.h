// Reads a file from front to back into a buffer that grows and shrinks, and notices when the file
// changes meanwhile. Shards and weights are mapped instead.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/file_system.h"

namespace weft::data {

class ByteReader {
 public:
  // `size` is how many bytes the file had when it was found. Throws FileError if it cannot be
  // opened.
  ByteReader(const FileSystem& files, const Path& file, int64_t size);
  // Reads up to `count` bytes to the end of `out`; fewer only at the end of the file. Throws
  // FileError, or Error if the file turns out to be longer or shorter than it was.
  void append_to(std::string& out, size_t count);
  bool at_end() const { return at_end_; }

 private:
  Path path_;
  int64_t size_;
  std::unique_ptr<ReadableFile> file_;
  int64_t bytes_read_ = 0;
  bool at_end_ = false;
};

}  // namespace weft::data
