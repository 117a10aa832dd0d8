#include "data/standard_input.h"

#include <unistd.h>

#include <cerrno>
#include <vector>

namespace weft::data {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

int64_t copy(int descriptor, WritableFile& out) {
  std::vector<std::byte> piece(kPieceBytes);
  int64_t copied = 0;
  while (true) {
    const ssize_t got = ::read(descriptor, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw FileError("read", "standard input", errno);
    if (got == 0) return copied;
    out.write(std::span(piece).first(static_cast<size_t>(got)));
    copied += got;
  }
}

}  // namespace

void spool(FileSystem& files, int descriptor, const Path& file) {
  try {
    const auto out = files.open_for_writing(file, WriteMode::kReplace);
    const int64_t copied = copy(descriptor, *out);
    out->close();
    if (copied == 0) throw Error("standard input is empty; pipe some text into it, or name files");
  } catch (const Error&) {
    remove_tree(files, file);
    throw;
  }
}

}  // namespace weft::data
