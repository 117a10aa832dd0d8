#include "data/decompressor.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <string>

#include "weft/error.h"

namespace weft::data {
namespace {

uInt as_uint(size_t size) {
  return static_cast<uInt>(std::min<size_t>(size, std::numeric_limits<uInt>::max()));
}

class Gzip final : public Decompressor {
 public:
  Gzip() {
    // 16: gzip with its header and checksum, neither zlib nor raw deflate.
    WEFT_ASSERT(inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK);
  }
  ~Gzip() override { inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  Step step(std::span<const std::byte> in, std::span<std::byte> out) override {
    Step done;
    if (whole_) {
      // Some programs fill the last block of a tape or disk with zeros.
      while (done.read < in.size() && in[done.read] == std::byte{0}) ++done.read;
      if (done.read == in.size()) return done;
      whole_ = false;
      WEFT_ASSERT(inflateReset(&stream_) == Z_OK);
      in = in.subspan(done.read);
    }
    // zlib reads through a pointer that older versions declare without const.
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
    stream_.avail_in = as_uint(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = as_uint(out.size());
    const size_t given = stream_.avail_in, room = stream_.avail_out;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    whole_ = result == Z_STREAM_END;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      throw Error(std::string("no gzip data: ") +
                  (stream_.msg != nullptr ? stream_.msg : "it asks for a dictionary"));
    return {done.read + given - stream_.avail_in, room - stream_.avail_out};
  }
  bool is_whole() const override { return whole_; }

 private:
  z_stream stream_{};
  bool whole_ = false;
};

// A power of two, as zstd states its limits.
int64_t window_limit(int64_t archive_bytes) {
  const int64_t limit = std::clamp(archive_bytes, kLeastWindowLimit, kMostWindowLimit);
  return static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(limit)));
}

class Zstd final : public Decompressor {
 public:
  explicit Zstd(int64_t archive_bytes)
      : stream_(ZSTD_createDStream()), window_limit_(window_limit(archive_bytes)) {
    WEFT_ASSERT(stream_ != nullptr);
    const int log = std::countr_zero(static_cast<uint64_t>(window_limit_));
    WEFT_ASSERT(!ZSTD_isError(ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, log)));
  }
  ~Zstd() override { ZSTD_freeDStream(stream_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  Step step(std::span<const std::byte> in, std::span<std::byte> out) override {
    if (whole_ && in.empty()) return {};
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const size_t result = ZSTD_decompressStream(stream_, &output, &input);
    if (ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge)
      throw Error("the archive asks for a window of more than " +
                  std::to_string(window_limit_ >> 20) +
                  " MiB, the most for its size; unpack it with 'zstd -d --long=31'");
    if (ZSTD_isError(result))
      throw Error(std::string("no zstd data: ") + ZSTD_getErrorName(result));
    whole_ = result == 0;
    return {input.pos, output.pos};
  }
  bool is_whole() const override { return whole_; }

 private:
  ZSTD_DStream* stream_;
  int64_t window_limit_;
  bool whole_ = false;
};

}  // namespace

std::unique_ptr<Decompressor> make_decompressor(Compression compression, int64_t archive_bytes) {
  WEFT_ASSERT(compression != Compression::kNone);
  if (compression == Compression::kGzip) return std::make_unique<Gzip>();
  return std::make_unique<Zstd>(archive_bytes);
}

}  // namespace weft::data
