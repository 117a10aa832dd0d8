#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

#include "core/file_system.h"
#include "core/quote.h"

namespace weft {
namespace {

// A file system made for few files is full to each new one while it has room for bytes.
bool has_no_room_for_names(const Path& path) {
  struct statvfs info {};
  return ::statvfs(parent_folder(path).c_str(), &info) == 0 && info.f_files > 0 &&
         info.f_favail == 0;
}

std::string reason_of(int number, const Path& path) {
  if (number == ENOSPC && has_no_room_for_names(path))
    return "the file system has no room for another file (df -i), whatever bytes are free";
  switch (number) {
    case ENOENT: return "there is no such file or folder";
    case ENOSPC: return "the disk is full";
    case EDQUOT: return "the disk quota is used up";
    case EROFS: return "the file system is read-only";
    case EFBIG: return "it would be larger than this process may write";
    case EACCES:
    case EPERM: return "permission denied";
    case EISDIR: return "it is a folder, not a file";
    case ENOTDIR: return "a part of the path is a file, not a folder";
    case ENOTEMPTY:
    case EEXIST: return "it exists already";
    case EIO: return "the device reported an input/output error";
    default: return std::strerror(number);
  }
}

std::string advice_for(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP: return "check the path";
    case ENOSPC:
    case EDQUOT: return "free some space or choose another folder";
    case EROFS: return "choose another folder";
    case EACCES:
    case EPERM: return "check its owner and mode (ls -ld), or choose another path";
    case ENOTEMPTY:
    case EEXIST: return "remove it or choose another path";
    case EIO: return "its contents cannot be trusted; check the disk (dmesg)";
    case EFBIG: return "raise the limit of file sizes (ulimit -f)";
    case EMFILE:
    case ENFILE: return "raise the limit of open files (ulimit -n)";
    default: return "";
  }
}

std::string message(std::string_view action, const Path& path, int number,
                    std::string_view reason) {
  std::string text = "cannot " + std::string(action) + " " + quote_path(path) + ": ";
  text += reason;
  const std::string advice = advice_for(number);
  return advice.empty() ? text : text + "; " + advice;
}

ExitCode exit_code(int number) {
  return number == ENOSPC || number == EDQUOT ? ExitCode::kDoesNotFit : ExitCode::kBadInput;
}

}  // namespace

FileError::FileError(std::string_view action, const Path& path, int number)
    : FileError(action, path, number, reason_of(number, path)) {}

FileError::FileError(std::string_view action, const Path& path, int number, std::string_view reason)
    : Error(message(action, path, number, reason), exit_code(number)), number_(number) {}

}  // namespace weft
