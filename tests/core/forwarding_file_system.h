// A FileSystem that does what another one does: for tests that change one operation.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/file_system.h"

namespace weft {

class ForwardingFileSystem : public FileSystem {
 public:
  explicit ForwardingFileSystem(FileSystem& base) : base_(base) {}
  std::unique_ptr<WritableFile> open_for_writing(const Path& path, WriteMode mode) override {
    return base_.open_for_writing(path, mode);
  }
  void rename(const Path& from, const Path& to) override { base_.rename(from, to); }
  void sync_folder(const Path& folder) override { base_.sync_folder(folder); }
  bool create_folder(const Path& folder) override { return base_.create_folder(folder); }
  void remove(const Path& path) override { base_.remove(path); }
  std::unique_ptr<FileLock> lock(const Path& file) override { return base_.lock(file); }
  FileStatus status(const Path& path) const override { return base_.status(path); }
  std::vector<std::string> list(const Path& folder) const override { return base_.list(folder); }
  std::unique_ptr<ReadableFile> open_for_reading(const Path& file, ReadFrom from) const override {
    return base_.open_for_reading(file, from);
  }
  std::string read(const Path& file, int64_t limit) const override {
    return base_.read(file, limit);
  }
  int64_t free_bytes(const Path& path) const override { return base_.free_bytes(path); }

 protected:
  FileSystem& base_;
};

}  // namespace weft
