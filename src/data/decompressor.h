// gzip and zstd as streams: bytes of a file in, bytes of its content out, in bounded memory. The
// only place that sees zlib and libzstd; files are byte_reader.h's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "data/input_format.h"

namespace weft::data {

// For one thread.
class Decompressor {
 public:
  struct Step {
    size_t read = 0;     // of the input
    size_t written = 0;  // of the output
  };
  virtual ~Decompressor() = default;
  // Reads from the front of `in` and fills the front of `out`, as far as either goes. Archives put
  // end to end are one content. Throws Error with the reason for what is damaged, without a place.
  virtual Step step(std::span<const std::byte> in, std::span<std::byte> out) = 0;
  // The input may end here: an archive has begun and is whole.
  virtual bool is_whole() const = 0;
};

// The window of a zstd archive is memory that its first bytes ask for: at most 32 MiB, or as much
// as the archive has bytes, but never more than 128 MiB (zstd's own limit), so that no small file
// takes much memory and archives made with `zstd --long` can be read.
inline constexpr int64_t kLeastWindowLimit = 32 << 20;
inline constexpr int64_t kMostWindowLimit = 128 << 20;

// For kGzip and kZstd. `archive_bytes`: the size of the whole archive.
std::unique_ptr<Decompressor> make_decompressor(Compression compression, int64_t archive_bytes);

}  // namespace weft::data
