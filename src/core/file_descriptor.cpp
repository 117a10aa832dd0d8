#include "core/file_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <system_error>

namespace weft {

OpenFile open_regular_file(const Path& file) {
  // Without O_NONBLOCK opening a pipe would wait for its writer before it can be refused.
  OpenFile result{FileDescriptor(retry(
                      [&] { return ::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); })),
                  0};
  if (!result.descriptor) throw FileError("read", file, errno);
  struct stat info {};
  if (::fstat(result.descriptor.get(), &info) != 0) throw FileError("read", file, errno);
  if (S_ISDIR(info.st_mode)) throw FileError("read", file, EISDIR);
  if (!S_ISREG(info.st_mode))
    throw FileError("read", file, EINVAL, "it is a pipe or a device; give a regular file");
  result.size = info.st_size;
  return result;
}

void check_size(const Path& file, int64_t size, int64_t limit) {
  if (size > limit)
    throw FileError("read", file, E2BIG,
                    "it has " + std::to_string(size) + " bytes, at most " + std::to_string(limit) +
                        " are read of such a file; is it the right one?");
}

void fail_to_open(std::string_view action, const Path& file, int number) {
  std::error_code problem;
  if (number == ELOOP && std::filesystem::is_symlink(file, problem))
    throw FileError(action, file, number,
                    "it is a symbolic link, which is not followed here; remove it");
  throw FileError(action, file, number);
}

}  // namespace weft
