// FileSystem on POSIX calls.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "core/file_descriptor.h"
#include "core/file_lock.h"
#include "core/file_system.h"
#include "core/quote.h"

namespace weft {
namespace {

class RealWritableFile final : public WritableFile {
 public:
  RealWritableFile(Path path, FileDescriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

  void write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = retry([&] {
        return ::write(descriptor_.get(), bytes.data(), std::min(bytes.size(), kLargestWrite));
      });
      if (written < 0) throw FileError("write", path_, errno);
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
  }

  void sync() override {
    if (sync_error_ == 0 && ::fsync(descriptor_.get()) != 0) sync_error_ = errno;
    if (sync_error_ != 0) throw FileError("write to the device", path_, sync_error_);
  }

  void close() override {
    if (descriptor_.close() != 0) throw FileError("close", path_, errno);
  }

 private:
  static constexpr size_t kLargestWrite = size_t{1} << 30;  // Linux writes at most 2 GiB at a time

  Path path_;
  FileDescriptor descriptor_;
  int sync_error_ = 0;
};

class RealReadableFile final : public ReadableFile {
 public:
  RealReadableFile(Path path, OpenFile file) : path_(std::move(path)), file_(std::move(file)) {}

  int64_t size() const override { return file_.size; }
  size_t read(std::span<std::byte> buffer) override {
    const ssize_t got =
        retry([&] { return ::read(file_.descriptor.get(), buffer.data(), buffer.size()); });
    if (got < 0) throw FileError("read", path_, errno);
    return static_cast<size_t>(got);
  }

 private:
  Path path_;
  OpenFile file_;
};

FileKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::kFile;
  return S_ISDIR(mode) ? FileKind::kFolder : FileKind::kOther;
}

// Reads until the end or until there are more than `limit` bytes: a file may grow meanwhile.
std::string read_all(int descriptor, const Path& file, int64_t size, int64_t limit) {
  std::string bytes(static_cast<size_t>(std::min(size, limit)) + 1, '\0');
  size_t used = 0;
  for (;;) {
    const ssize_t got =
        retry([&] { return ::read(descriptor, bytes.data() + used, bytes.size() - used); });
    if (got < 0) throw FileError("read", file, errno);
    if (got == 0) break;
    used += static_cast<size_t>(got);
    check_size(file, static_cast<int64_t>(used), limit);
    if (used == bytes.size()) bytes.resize(bytes.size() * 2);
  }
  bytes.resize(used);
  return bytes;
}

class RealFileSystem final : public FileSystem {
 public:
  std::unique_ptr<WritableFile> open_for_writing(const Path& path, WriteMode mode) override {
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC;
    if (mode == WriteMode::kReplace) flags |= O_TRUNC;
    if (mode == WriteMode::kNew) flags |= O_EXCL;
    // What is continued lies in a folder that a stranger may have made: no link leads out of it.
    if (mode == WriteMode::kAppend) flags |= O_APPEND | O_NOFOLLOW;
    FileDescriptor descriptor(retry([&] { return ::open(path.c_str(), flags, 0666); }));
    if (!descriptor) fail_to_open("write", path, errno);
    return std::make_unique<RealWritableFile>(path, std::move(descriptor));
  }

  void rename(const Path& from, const Path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0)
      throw FileError("rename " + quote_path(from) + " to", to, errno);
  }

  void sync_folder(const Path& folder) override {
    const FileDescriptor descriptor(
        retry([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (!descriptor) throw FileError("open the folder", folder, errno);
    // EINVAL: this file system has no fsync for folders; its renames are as durable as they get.
    if (::fsync(descriptor.get()) != 0 && errno != EINVAL)
      throw FileError("write to the device the folder", folder, errno);
  }

  bool create_folder(const Path& folder) override {
    if (::mkdir(folder.c_str(), 0777) == 0) return true;
    const int number = errno;
    if (number == EEXIST && status(folder).kind == FileKind::kFolder) return false;
    if (number == EEXIST)
      throw FileError("make the folder", folder, number, "it exists and is no folder");
    throw FileError("make the folder", folder, number);
  }

  void remove(const Path& path) override {
    if (::remove(path.c_str()) != 0) throw FileError("remove", path, errno);
  }

  std::unique_ptr<FileLock> lock(const Path& file) override { return lock_file(file); }

  FileStatus status(const Path& path) const override {
    struct stat info {};
    FileStatus result;
    if (::lstat(path.c_str(), &info) == 0) result.is_link = S_ISLNK(info.st_mode);
    if (::stat(path.c_str(), &info) == 0) {
      result.kind = kind_of(info.st_mode);
      result.size = result.kind == FileKind::kFile ? info.st_size : 0;
    } else if (errno != ENOENT && errno != ENOTDIR && !(result.is_link && errno == ELOOP)) {
      throw FileError("look at", path, errno);
    }
    return result;
  }

  std::vector<std::string> list(const Path& folder) const override {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(folder.c_str()), ::closedir);
    if (!stream) throw FileError("list the folder", folder, errno);
    std::vector<std::string> names;
    for (errno = 0; const dirent* entry = ::readdir(stream.get()); errno = 0) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) throw FileError("list the folder", folder, errno);
    std::sort(names.begin(), names.end());
    return names;
  }

  std::unique_ptr<ReadableFile> open_for_reading(const Path& file, ReadFrom from) const override {
    OpenFile input = open_regular_file(file);
    if (from == ReadFrom::kDevice)  // advice: a file system that cannot follow it reads its cache
      ::posix_fadvise(input.descriptor.get(), 0, 0, POSIX_FADV_DONTNEED);
    return std::make_unique<RealReadableFile>(file, std::move(input));
  }

  std::string read(const Path& file, int64_t limit) const override {
    const OpenFile input = open_regular_file(file);
    check_size(file, input.size, limit);
    return read_all(input.descriptor.get(), file, input.size, limit);
  }

  int64_t free_bytes(const Path& path) const override {
    struct statvfs info {};
    Path existing = path;
    while (::statvfs(existing.c_str(), &info) != 0) {
      if (errno != ENOENT || existing == parent_folder(existing))
        throw FileError("ask for the free space at", existing, errno);
      existing = parent_folder(existing);
    }
    int64_t bytes = 0;
    if (__builtin_mul_overflow(info.f_bavail, info.f_frsize, &bytes))
      return std::numeric_limits<int64_t>::max();
    return bytes;
  }
};

}  // namespace

FileSystem& real_file_system() {
  static RealFileSystem instance;
  return instance;
}

}  // namespace weft
