// Filling a string from a file.
#include "data/byte_reader.h"

#include <algorithm>
#include <string_view>

#include "core/quote.h"
#include "data/input_format.h"
#include "weft/error.h"

namespace weft::data {
namespace {

constexpr size_t kArchiveBytes = 256 << 10;

// How gzip, zstd and xz begin: no text does.
bool is_archive(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b") || bytes.starts_with("\x28\xb5\x2f\xfd") ||
         bytes.starts_with("\xfd\x37\x7a\x58\x5a");
}

}  // namespace

ByteReader::ByteReader(const FileSystem& files, const Source& source)
    : source_(source), file_(files.open_for_reading(source.path, ReadFrom::kCache)) {
  if (source_.name.empty()) source_.name = source_.path;
  if (source.compression == Compression::kNone) return;
  decompressor_ = make_decompressor(source.compression, source.size);
}

// How many bytes of room are of use: what the file should still have, and one by which a file that
// has grown is noticed. Room that is not filled costs as much as room that is.
size_t ByteReader::useful_room(size_t count) const {
  return static_cast<size_t>(std::min(static_cast<int64_t>(count), source_.size - bytes_read_ + 1));
}

// Fills all of `room`, unless the file ends.
size_t ByteReader::read_file(std::span<std::byte> room) {
  size_t filled = 0;
  while (filled < room.size() && !file_ended_) {
    const size_t got = file_->read(room.subspan(filled));
    file_ended_ = got == 0;
    filled += got;
  }
  if (bytes_read_ == 0) check_kind(room.first(filled));
  bytes_read_ += static_cast<int64_t>(filled);
  hasher_.add(room.first(filled));
  if (bytes_read_ > source_.size || (file_ended_ && bytes_read_ != source_.size))
    fail_changed(file_ended_);
  return filled;
}

void ByteReader::append_to(std::string& out, size_t count) {
  if (decompressor_) return append_decompressed(out, count);
  count = useful_room(count);
  const size_t old_size = out.size();
  out.resize(old_size + count);
  const size_t got = read_file({reinterpret_cast<std::byte*>(out.data()) + old_size, count});
  out.resize(old_size + got);
  content_ += static_cast<int64_t>(got);
  at_end_ = file_ended_;
}

void ByteReader::append_decompressed(std::string& out, size_t count) {
  if (damage_) std::rethrow_exception(damage_);
  const size_t old_size = out.size();
  const bool begins = content_ == 0;
  out.resize(old_size + count);
  const std::span<std::byte> room(reinterpret_cast<std::byte*>(out.data()) + old_size, count);
  const size_t filled = decompress(room);
  out.resize(old_size + filled);
  if (begins && is_archive(std::string_view(out).substr(old_size)))
    fail_archive("an archive lies within the archive; unpack it once");
  if (damage_ && filled == 0) std::rethrow_exception(damage_);
}

// Fills all of `room`, unless the archive ends, well or not.
size_t ByteReader::decompress(std::span<std::byte> room) {
  size_t filled = 0;
  try {
    while (filled < room.size() && !at_end_) {
      const bool more = refill();
      const Decompressor::Step step = decompress_step(room.subspan(filled));
      filled += step.written;
      if (more || step.read > 0 || step.written > 0) continue;
      if (!decompressor_->is_whole()) fail_archive("the archive is cut short; fetch it again");
      at_end_ = true;
    }
  } catch (const Error&) {
    damage_ = std::current_exception();
  }
  return filled;
}

Decompressor::Step ByteReader::decompress_step(std::span<std::byte> room) {
  Decompressor::Step step;
  try {
    step = decompressor_->step(std::span(compressed_).subspan(compressed_begin_), room);
  } catch (const Error& error) {
    fail_archive(error.what());
  }
  compressed_begin_ += step.read;
  taken_ += static_cast<int64_t>(step.read);
  content_ += static_cast<int64_t>(step.written);
  if (content_ > kFreeExpansion && content_ / kMostExpansion > taken_)
    fail_archive("more than " + std::to_string(kMostExpansion) +
                 " bytes come out of each of its bytes: a decompression bomb; unpack it yourself "
                 "if it is not");
  return step;
}

// False when the decompressor has taken all there is.
bool ByteReader::refill() {
  if (compressed_begin_ < compressed_.size()) return true;
  if (file_ended_) return false;
  compressed_.resize(useful_room(kArchiveBytes));
  compressed_.resize(read_file(compressed_));
  compressed_begin_ = 0;
  return !compressed_.empty();
}

// Whatever its name says.
void ByteReader::check_kind(std::span<const std::byte> head) const {
  const std::string_view bytes(reinterpret_cast<const char*>(head.data()), head.size());
  const Path file = source_.name == source_.path ? source_.path : Path("table");
  if (const auto refusal = refusal_of_content(file, bytes))
    throw Error(quote_path(source_.name) + " " + *refusal);
}

void ByteReader::fail_changed(bool ended) const {
  throw Error(quote_path(source_.name) + " changed while it was read: it had " +
              std::to_string(source_.size) + " bytes, now " + std::to_string(bytes_read_) +
              (ended ? "" : " or more") + "; run again when nothing writes to it");
}

void ByteReader::fail_archive(const std::string& reason) const {
  throw Error(quote_path(source_.name) + " at byte " + std::to_string(taken_) + ": " + reason);
}

}  // namespace weft::data
