// The configuration of AMX's eight tile registers, as LDTILECFG reads it (Intel's Software
// Developer's Manual, volume 1, chapter 18): all of 16 rows of 64 bytes, which is palette 1's
// largest tile and holds 16 x 16 floats, 16 x 32 bfloat16, or as many pairs.
#pragma once

#include <cstdint>

namespace weft::kernels {

struct alignas(64) TileConfig {
  uint8_t palette = 0, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

constexpr TileConfig whole_tiles() {
  TileConfig config;
  config.palette = 1;
  for (int tile = 0; tile < 8; ++tile) {
    config.row_bytes[tile] = 64;
    config.rows[tile] = 16;
  }
  return config;
}

}  // namespace weft::kernels
