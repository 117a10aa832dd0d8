#include "data/standard_input.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace weft::data {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

// The end of the input, and an error of it, count as something to read.
bool has_something(int descriptor) {
  constexpr int kMilliseconds = 100;
  pollfd input{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&input, 1, kMilliseconds) != 0;
}

int64_t copy(int descriptor, WritableFile& out, const std::function<void()>& meanwhile) {
  std::vector<std::byte> piece(kPieceBytes);
  int64_t copied = 0;
  while (true) {
    meanwhile();
    if (!has_something(descriptor)) continue;
    const ssize_t got = ::read(descriptor, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw FileError("read", "standard input", errno);
    if (got == 0) return copied;
    out.write(std::span(piece).first(static_cast<size_t>(got)));
    copied += got;
  }
}

}  // namespace

void spool(FileSystem& files, int descriptor, const Path& file,
           const std::function<void()>& meanwhile) {
  try {
    const auto out = files.open_for_writing(file, WriteMode::kReplace);
    const int64_t copied = copy(descriptor, *out, meanwhile);
    out->close();
    if (copied == 0) throw Error("standard input is empty; pipe some text into it, or name files");
  } catch (const Error&) {
    remove_tree(files, file);
    throw;
  }
}

}  // namespace weft::data
