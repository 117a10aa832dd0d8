// Hashes of words, inline: most are shorter than the call of a general hash takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weft::data {

// A multiplier whose products spread over all bits (the golden ratio times 2^64).
inline constexpr uint64_t kSpread = 0x9E3779B97F4A7C15ull;

// The finalizer of MurmurHash3 (Appleby, public domain): every bit changes half of all bits.
constexpr uint64_t mixed(uint64_t h) {
  h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCDull;
  h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53ull;
  return h ^ (h >> 33);
}

// 1 to 8 bytes as a number; of more, the first 8. Together with `size` no two texts give the same.
inline uint64_t packed_bytes(const char* bytes, size_t size) {
  const auto load = [&]<class N>(N, size_t at) {
    N value;
    std::memcpy(&value, bytes + at, sizeof value);
    return uint64_t{value};
  };
  if (size >= 8) return load(uint64_t{}, 0);
  if (size >= 4) return load(uint32_t{}, 0) | load(uint32_t{}, size - 4) << 32;
  return load(uint8_t{}, 0) | load(uint8_t{}, size / 2) << 8 | load(uint8_t{}, size - 1) << 16;
}

// The same of the low `size` of 8 bytes that were loaded at once, without a branch: sizes of words
// cannot be foreseen.
constexpr uint64_t packed_bytes(uint64_t loaded, size_t size) {
  const uint64_t bytes = loaded & ~uint64_t{0} >> (64 - 8 * size);
  const uint64_t few = (bytes & 0xFF) | (bytes >> 8 * (size / 2) & 0xFF) << 8 |
                       (bytes >> 8 * (size - 1) & 0xFF) << 16;
  const uint64_t many = (bytes & 0xFFFFFFFF) | bytes >> 8 * ((size - 4) & 7) << 32;
  return many ^ ((few ^ many) & (0 - uint64_t{size < 4}));
}

// Of a word that is not empty. `fold` is or-ed to each 8 bytes: 0x20 in each makes one of the upper
// and lower case of ASCII letters and leaves digits alone. Bytes up to `readable_end` may be read,
// which is the word's end or after it; they make no difference to the hash, but to its speed.
inline uint64_t word_hash(std::string_view word, uint64_t fold, const char* readable_end) {
  uint64_t hash = word.size() * kSpread;
  const char* bytes = word.data();
  size_t left = word.size();
  for (; left > 8; left -= 8, bytes += 8)
    hash = mixed(hash ^ (packed_bytes(bytes, 8) | fold)) * kSpread;
  const uint64_t rest = readable_end - bytes >= 8 ? packed_bytes(packed_bytes(bytes, 8), left)
                                                  : packed_bytes(bytes, left);
  return mixed(hash ^ (rest | fold));
}
inline uint64_t word_hash(std::string_view word, uint64_t fold = 0) {
  return word_hash(word, fold, word.data() + word.size());
}
inline constexpr uint64_t kFoldCase = 0x2020202020202020ull;

}  // namespace weft::data
