// The only place of this room that calls xxHash.
#include "data/content_hash.h"

#include <xxhash.h>

#include <cstdio>

#include "weft/error.h"

namespace weft::data {

std::string to_hex(uint64_t hash) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

uint64_t hash64(std::span<const std::byte> bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::array<uint64_t, 2> hash128(std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.low64, hash.high64};
}

struct Hasher64::State {
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> xxh{XXH3_createState(),
                                                                      XXH3_freeState};
};

Hasher64::Hasher64(uint64_t seed) : state_(std::make_unique<State>()) {
  WEFT_ASSERT(state_->xxh && XXH3_64bits_reset_withSeed(state_->xxh.get(), seed) == XXH_OK);
}
Hasher64::~Hasher64() = default;
Hasher64::Hasher64(Hasher64&&) noexcept = default;
Hasher64& Hasher64::operator=(Hasher64&&) noexcept = default;

void Hasher64::add(std::span<const std::byte> bytes) {
  WEFT_ASSERT(XXH3_64bits_update(state_->xxh.get(), bytes.data(), bytes.size()) == XXH_OK);
}

uint64_t Hasher64::hash() const {
  return XXH3_64bits_digest(state_->xxh.get());
}

}  // namespace weft::data
