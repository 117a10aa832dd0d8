// AMX's tiles in plain C++, for processors without them: the same shapes and the same order of
// sums, and the limits of the hardware asserted. For tests; nothing chooses it by itself.
#include <array>
#include <cstring>

#include "kernels/attention/tile_config.h"
#include "kernels/attention/tile_engine.h"
#include "kernels/attention/tile_product-inl.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

constexpr int kRows = 16, kRowBytes = 64, kColumns = 16;

// One thread's registers. The hardware faults on all that is asserted here.
struct Registers {
  TileConfig config;
  std::array<std::array<unsigned char, kRows * kRowBytes>, 8> tiles;
};
thread_local Registers registers;

unsigned char* tile(int number) {
  const TileConfig& config = registers.config;
  WEFT_ASSERT(config.palette == 1 && config.start_row == 0);
  WEFT_ASSERT(number >= 0 && number < 8);
  WEFT_ASSERT(config.rows[number] == kRows && config.row_bytes[number] == kRowBytes);
  return registers.tiles[static_cast<size_t>(number)].data();
}

float float_at(const unsigned char* from) {
  float value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}
// The instructions take denormal operands for zero.
float operand_at(const unsigned char* from) {
  BFloat16 value;
  std::memcpy(&value, from, sizeof(value));
  const float wide = static_cast<float>(value);
  return wide > -0x1p-126f && wide < 0x1p-126f ? 0.0f : wide;
}

struct EmulatedTiles {
  template <int kTile>
  static void load(const void* from, int64_t row_bytes) {
    unsigned char* to = tile(kTile);
    for (int row = 0; row < kRows; ++row) {
      std::memcpy(to + row * kRowBytes, static_cast<const char*>(from) + row * row_bytes,
                  kRowBytes);
    }
  }
  template <int kTile>
  static void store(void* to, int64_t row_bytes) {
    const unsigned char* from = tile(kTile);
    for (int row = 0; row < kRows; ++row) {
      std::memcpy(static_cast<char*>(to) + row * row_bytes, from + row * kRowBytes, kRowBytes);
    }
  }
  template <int kTile>
  static void zero() {
    std::memset(tile(kTile), 0, kRows * kRowBytes);
  }
  template <int kSum, int kA, int kB>
  static void multiply() {
    unsigned char* sums = tile(kSum);
    const unsigned char *a = tile(kA), *b = tile(kB);
    for (int row = 0; row < kRows; ++row) {
      for (int pair = 0; pair < kRowBytes / 4; ++pair) {
        const unsigned char* left = a + row * kRowBytes + pair * 4;
        const float first = operand_at(left), second = operand_at(left + 2);
        for (int column = 0; column < kColumns; ++column) {
          const unsigned char* right = b + pair * kRowBytes + column * 4;
          unsigned char* at = sums + row * kRowBytes + column * 4;
          const float sum =
              float_at(at) + first * operand_at(right) + second * operand_at(right + 2);
          std::memcpy(at, &sum, sizeof(sum));
        }
      }
    }
  }
};

void begin() {
  WEFT_ASSERT(registers.config.palette == 0);  // nobody else's tiles are lost
  registers.config = whole_tiles();
}
void multiply(const PairProduct& p) {
  WEFT_ASSERT(p.m % kTileUnit == 0 && p.n % kTileUnit == 0 && p.k % kTileUnit == 0);
  WEFT_ASSERT(p.a_row >= p.k && p.b_row >= 2 * p.n && p.c_row >= p.n);
  multiply_with_tiles<EmulatedTiles>(p);
}
void end() {
  WEFT_ASSERT(registers.config.palette == 1);
  registers.config = {};
}

constexpr TileEngine kEngine{begin, multiply, end};

}  // namespace

const TileEngine* emulated_tiles() {
  return &kEngine;
}

}  // namespace weft::kernels
