// A file mapped read-only: large inputs (weights, shards) are read in place, not copied.
#pragma once

#include <span>
#include <string_view>

#include "core/file_system.h"

namespace weft {

// Threads may read it together. A file that another program cuts short while it is mapped ends the
// process (SIGBUS, which the program turns into a message); files of ours are renamed into place
// and never written again.
class MappedFile {
 public:
  // FileError for what is missing, no regular file or may not be read. An empty file is fine.
  explicit MappedFile(const Path& file);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  const Path& path() const { return path_; }
  int64_t size() const { return static_cast<int64_t>(bytes_.size()); }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  // `size` bytes from `offset`; Error, naming the file, unless they all lie within it.
  std::span<const std::byte> slice(int64_t offset, int64_t size) const;

 private:
  Path path_;
  std::span<const std::byte> bytes_;
};

}  // namespace weft
