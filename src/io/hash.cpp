#include "io/hash.h"

#include <xxhash.h>

#include <array>
#include <vector>

namespace weft::io {
namespace {

constexpr size_t kPiece = size_t{1} << 20;

}  // namespace

struct Hasher::State {
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> xxh{XXH3_createState(),
                                                                      XXH3_freeState};
};

Hasher::Hasher() : state_(std::make_unique<State>()) {
  WEFT_ASSERT(state_->xxh != nullptr && XXH3_128bits_reset(state_->xxh.get()) == XXH_OK);
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;

void Hasher::add(std::span<const std::byte> bytes) {
  WEFT_ASSERT(XXH3_128bits_update(state_->xxh.get(), bytes.data(), bytes.size()) == XXH_OK);
}

std::string Hasher::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  XXH128_canonical_t canonical;  // big-endian, as xxhsum prints it
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->xxh.get()));
  std::string text;
  for (const unsigned char byte : canonical.digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string hash_hex(std::string_view text) {
  Hasher hasher;
  hasher.add(std::as_bytes(std::span(text)));
  return hasher.hex();
}

FileHash hash_file(const FileSystem& files, const Path& file, ReadFrom from) {
  const auto input = files.open_for_reading(file, from);
  std::vector<std::byte> piece(kPiece);
  Hasher hasher;
  FileHash result;
  while (const size_t got = input->read(piece)) {
    hasher.add(std::span(piece).first(got));
    result.bytes += static_cast<int64_t>(got);
  }
  result.hex = hasher.hex();
  return result;
}

}  // namespace weft::io
