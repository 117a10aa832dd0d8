// Filling a string from a file.
#include "data/byte_reader.h"

namespace weft::data {

ByteReader::ByteReader(const FileSystem& files, const Path& file, int64_t size)
    : path_(file), size_(size), file_(files.open_for_reading(file, ReadFrom::kCache)) {}

void ByteReader::append_to(std::string& out, size_t count) {
  const size_t old_size = out.size();
  out.resize(old_size + count);
  std::span<std::byte> room(reinterpret_cast<std::byte*>(out.data()) + old_size, count);
  while (!room.empty() && !at_end_) {
    const size_t got = file_->read(room);
    at_end_ = got == 0;
    room = room.subspan(got);
  }
  out.resize(out.size() - room.size());
  bytes_read_ += static_cast<int64_t>(count - room.size());
  if (bytes_read_ > size_ || (at_end_ && bytes_read_ != size_))
    throw Error("'" + path_.string() + "' changed while it was read: it had " +
                std::to_string(size_) + " bytes, now " + std::to_string(bytes_read_) +
                (at_end_ ? "" : " or more") + "; run again when nothing writes to it");
}

}  // namespace weft::data
