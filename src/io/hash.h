// XXH3-128, the hash by which we notice that stored bytes are not those that were written. It reads
// at the speed of memory, where SHA-256 would take longer than writing a checkpoint. It is no proof
// against someone who forges files; a signature over the manifest is.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/file_system.h"

namespace weft::io {

// Of bytes that come in pieces.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;

  void add(std::span<const std::byte> bytes);
  // 32 lower-case hexadecimal digits, of all bytes so far.
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hash_hex(std::string_view text);

struct FileHash {
  int64_t bytes = 0;
  std::string hex;
};

// Reads a whole file, in pieces.
FileHash hash_file(const FileSystem& files, const Path& file, ReadFrom from);

}  // namespace weft::io
