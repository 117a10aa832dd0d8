// Reads the content of a file from front to back into a buffer that grows and shrinks: as it is, or
// decompressed. Notices when the file changes meanwhile, ends early, or holds far more than its
// size. Shards and weights are mapped instead.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "data/decompressor.h"
#include "io/hash.h"

namespace weft::data {

// More bytes out of each byte of an archive than this are taken for a decompression bomb: text
// shrinks to a third or a tenth.
inline constexpr int64_t kMostExpansion = 256;
// What an archive of any size may hold.
inline constexpr int64_t kFreeExpansion = 16 << 20;

class ByteReader {
 public:
  struct Source {
    Path path;
    int64_t size = 0;  // bytes that the file had when it was found
    Compression compression = Compression::kNone;
    Path name = {};  // for messages; the path where it is empty
  };
  // Throws FileError if the file cannot be opened.
  ByteReader(const FileSystem& files, const Source& source);
  // Reads up to `count` bytes of content to the end of `out`; fewer only at its end. Throws
  // FileError, or Error if the file turns out longer or shorter than it was, damaged, cut short, a
  // bomb, or of a kind that is refused by its first bytes, with the place. What comes out of an
  // archive before the place where it is damaged is given out first.
  void append_to(std::string& out, size_t count);
  bool at_end() const { return at_end_; }

  // Where in the file byte `offset` of the content stands; inside an archive, how much of the file
  // was read so far. It depends on the content and the calls alone.
  int64_t place_of(int64_t offset) const { return decompressor_ ? taken_ : offset; }
  // XXH3-128 of what was read of the file: of all of it, at the end.
  std::string hash() const { return hasher_.hex(); }

 private:
  size_t useful_room(size_t count) const;
  size_t read_file(std::span<std::byte> room);
  void append_decompressed(std::string& out, size_t count);
  size_t decompress(std::span<std::byte> room);
  Decompressor::Step decompress_step(std::span<std::byte> room);
  bool refill();
  void check_kind(std::span<const std::byte> head) const;
  [[noreturn]] void fail_changed(bool ended) const;
  [[noreturn]] void fail_archive(const std::string& reason) const;

  Source source_;
  std::unique_ptr<ReadableFile> file_;
  std::unique_ptr<Decompressor> decompressor_;
  io::Hasher hasher_;
  std::vector<std::byte> compressed_;
  size_t compressed_begin_ = 0;  // of what the decompressor has not taken
  int64_t bytes_read_ = 0;       // of the file
  int64_t taken_ = 0;            // of them by the decompressor
  int64_t content_ = 0;          // bytes given out
  std::exception_ptr damage_;    // of the archive, after what was given out
  bool file_ended_ = false;
  bool at_end_ = false;
};

}  // namespace weft::data
