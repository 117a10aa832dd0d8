// XXH3-64, which finds flipped bits in blocks of a shard and says which split a document belongs
// to. Files and longer texts have 128 bits (io/hash.h). It is no defence against someone who makes
// a collision on purpose.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace weft::data {

std::string to_hex(uint64_t hash);  // 16 digits

uint64_t hash64(std::span<const std::byte> bytes, uint64_t seed = 0);
inline uint64_t hash64(std::string_view text, uint64_t seed = 0) {
  return hash64(std::as_bytes(std::span(text)), seed);
}

// XXH3-128, low half first.
std::array<uint64_t, 2> hash128(std::string_view text);

// The hash of bytes that come piece by piece; equal to that of the whole.
class Hasher64 {
 public:
  explicit Hasher64(uint64_t seed = 0);
  ~Hasher64();
  Hasher64(Hasher64&&) noexcept;
  Hasher64& operator=(Hasher64&&) noexcept;

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  uint64_t hash() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weft::data
