// AMX's instructions, for processors that have them: nothing here but the instructions themselves.
// What is done with them is in tile_product-inl.h, and runs everywhere on emulated tiles.
#include "kernels/attention/tile_engine.h"

#if defined(__x86_64__)
#include <hwy/base.h>
#include <immintrin.h>

#include <cstdint>

#include "kernels/attention/tile_config.h"

HWY_PUSH_ATTRIBUTES("amx-tile,amx-bf16")

#include "kernels/attention/tile_product-inl.h"

namespace weft::kernels {
namespace {

// Compilers want the number of a tile as a literal.
#define WEFT_FOR_TILE(number, instruction, ...)           \
  if constexpr (number == 0) instruction(0, __VA_ARGS__); \
  if constexpr (number == 1) instruction(1, __VA_ARGS__); \
  if constexpr (number == 2) instruction(2, __VA_ARGS__); \
  if constexpr (number == 3) instruction(3, __VA_ARGS__); \
  if constexpr (number == 4) instruction(4, __VA_ARGS__); \
  if constexpr (number == 5) instruction(5, __VA_ARGS__); \
  if constexpr (number == 6) instruction(6, __VA_ARGS__); \
  if constexpr (number == 7) instruction(7, __VA_ARGS__)

struct AmxTiles {
  template <int kTile>
  static void load(const void* from, int64_t row_bytes) {
    const auto stride = static_cast<size_t>(row_bytes);
    WEFT_FOR_TILE(kTile, _tile_loadd, from, stride);
  }
  template <int kTile>
  static void store(void* to, int64_t row_bytes) {
    const auto stride = static_cast<size_t>(row_bytes);
    WEFT_FOR_TILE(kTile, _tile_stored, to, stride);
  }
  template <int kTile>
  static void zero() {
    if constexpr (kTile == 0) _tile_zero(0);
    if constexpr (kTile == 1) _tile_zero(1);
    if constexpr (kTile == 2) _tile_zero(2);
    if constexpr (kTile == 3) _tile_zero(3);
  }
  template <int kSum, int kA, int kB>
  static void multiply() {
    static_assert(kA == 4 + kSum / 2 && kB == 6 + kSum % 2);
    if constexpr (kSum == 0) _tile_dpbf16ps(0, 4, 6);
    if constexpr (kSum == 1) _tile_dpbf16ps(1, 4, 7);
    if constexpr (kSum == 2) _tile_dpbf16ps(2, 5, 6);
    if constexpr (kSum == 3) _tile_dpbf16ps(3, 5, 7);
  }
};
#undef WEFT_FOR_TILE

constexpr TileConfig kWhole = whole_tiles();
// What the thread had configured before.
thread_local TileConfig found;

void begin() {
  _tile_storeconfig(&found);
  _tile_loadconfig(&kWhole);
}
void end() {
  if (found.palette == 0) {
    _tile_release();
  } else {
    _tile_loadconfig(&found);
  }
}

constexpr TileEngine kEngine{begin, multiply_with_tiles<AmxTiles>, end};

}  // namespace

const TileEngine* amx_tiles() {
  return &kEngine;
}

}  // namespace weft::kernels
HWY_POP_ATTRIBUTES
#else
namespace weft::kernels {
const TileEngine* amx_tiles() {
  return nullptr;
}
}  // namespace weft::kernels
#endif
