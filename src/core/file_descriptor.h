// An owned POSIX file descriptor and what the readers of files share: opening with clear errors.
// For the implementation of core's file classes only.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "core/file_system.h"

namespace weft {

class FileDescriptor {
 public:
  explicit FileDescriptor(int number = -1) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~FileDescriptor() { close(); }

  explicit operator bool() const { return number_ >= 0; }
  int get() const { return number_; }
  // 0, or -1 with errno. Not repeated after EINTR: Linux has freed the descriptor by then.
  int close() { return number_ < 0 ? 0 : ::close(std::exchange(number_, -1)); }

 private:
  int number_;
};

// Repeats a system call that a signal interrupted.
template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

struct OpenFile {
  FileDescriptor descriptor;
  int64_t size = 0;  // bytes
};

// Opens a regular file; anything else is a FileError.
OpenFile open_regular_file(const Path& file);

// For a file that was opened with O_NOFOLLOW and could not be: says so of a link.
[[noreturn]] void fail_to_open(std::string_view action, const Path& file, int number);

// FileError if `size` is more than `limit` bytes.
void check_size(const Path& file, int64_t size, int64_t limit);

}  // namespace weft
