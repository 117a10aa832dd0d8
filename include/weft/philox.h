// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). A number is a pure function of (key, counter), so that it depends neither on
// threads, ranks or order of evaluation nor on how often a job was stopped.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "weft/portable_math.h"

namespace weft {

using PhiloxBlock = std::array<uint32_t, 4>;

// Four random words for the 128-bit counter (low, high) under `key`.
constexpr PhiloxBlock philox(uint64_t key, uint64_t low, uint64_t high = 0) {
  constexpr uint64_t kMul0 = 0xD2511F53u, kMul1 = 0xCD9E8D57u;
  constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  PhiloxBlock c{static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32),
                static_cast<uint32_t>(high), static_cast<uint32_t>(high >> 32)};
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = kMul0 * c[0], p1 = kMul1 * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
    k0 += kWeyl0;
    k1 += kWeyl1;
  }
  return c;
}

// A key for the purpose `name` under the run's `seed`: FNV-1a of the name, mixed by Philox itself.
constexpr uint64_t random_key(uint64_t seed, std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  const PhiloxBlock block = philox(seed, hash);
  return (static_cast<uint64_t>(block[1]) << 32) | block[0];
}

// Uniform in [0, 1) with 24 bits, from one word.
constexpr float uniform_from(uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24f;
}

// Two independent standard normal numbers from two words (Box and Muller), in double precision; the
// same bits on every machine.
inline std::array<double, 2> normal_from(uint32_t a, uint32_t b) {
  const double u = (static_cast<double>(a) + 1.0) * 0x1p-32;  // (0, 1]: the logarithm is finite
  const double radius = std::sqrt(-2.0 * portable::log(u));
  const portable::SinCos angle = portable::sin_cos_of_turn(b);
  return {radius * angle.cos, radius * angle.sin};
}

}  // namespace weft
