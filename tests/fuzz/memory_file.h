// A file system of one file in memory, to read input from. Nothing can be written.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/file_system.h"

namespace weft {

class MemoryFile final : public FileSystem {
 public:
  explicit MemoryFile(std::string content) : content_(std::move(content)) {}

  FileStatus status(const Path&) const override {
    return {.kind = FileKind::kFile, .size = static_cast<int64_t>(content_.size())};
  }
  std::unique_ptr<ReadableFile> open_for_reading(const Path&, ReadFrom) const override {
    return std::make_unique<Reader>(content_);
  }
  std::string read(const Path&, int64_t) const override { return content_; }
  std::vector<std::string> list(const Path&) const override { return {}; }
  int64_t free_bytes(const Path&) const override { return 0; }

  std::unique_ptr<WritableFile> open_for_writing(const Path& path, WriteMode) override {
    refuse(path);
  }
  void rename(const Path& from, const Path&) override { refuse(from); }
  void sync_folder(const Path& folder) override { refuse(folder); }
  bool create_folder(const Path& folder) override { refuse(folder); }
  void remove(const Path& path) override { refuse(path); }
  std::unique_ptr<FileLock> lock(const Path& file) override { refuse(file); }

 private:
  class Reader final : public ReadableFile {
   public:
    explicit Reader(std::string_view rest) : rest_(rest), size_(rest.size()) {}
    int64_t size() const override { return static_cast<int64_t>(size_); }
    size_t read(std::span<std::byte> buffer) override {
      const size_t count = std::min(buffer.size(), rest_.size());
      if (count > 0) std::memcpy(buffer.data(), rest_.data(), count);
      rest_.remove_prefix(count);
      return count;
    }

   private:
    std::string_view rest_;
    size_t size_;
  };
  [[noreturn]] static void refuse(const Path& path) {
    throw Error("'" + path.string() + "' is only for reading");
  }

  std::string content_;
};

}  // namespace weft
