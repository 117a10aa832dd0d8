// How work is cut into tiles for a ParallelFor. Tiles are a function of the shape alone, so that
// sums made per tile never depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace weft::kernels {

constexpr int64_t ceil_div(int64_t n, int64_t size) {
  return (n + size - 1) / size;
}
constexpr int64_t round_up(int64_t n, int64_t unit) {
  return ceil_div(n, unit) * unit;
}
// What begins at a multiple of this begins at a line of the cache and at the longest vector.
inline constexpr int64_t kAlignment = 64;
constexpr int64_t aligned(int64_t bytes) {
  return round_up(bytes, kAlignment);
}
constexpr size_t aligned(size_t bytes) {
  return static_cast<size_t>(aligned(static_cast<int64_t>(bytes)));
}

struct Tiles {
  int64_t items = 0;
  int64_t per_tile = 1;

  int64_t count() const { return ceil_div(items, per_tile); }
  int64_t begin(int64_t tile) const { return tile * per_tile; }
  int64_t end(int64_t tile) const { return std::min(items, begin(tile) + per_tile); }
};

// About 128 KiB of floats: large against the cost of handing out a tile, small against a step.
inline constexpr int64_t kTileElements = 1 << 15;
// At most so many partial sums per column: enough for 64 threads, little workspace.
inline constexpr int64_t kMaxSumTiles = 64;
inline constexpr int64_t kMinSumRows = 16;

// Small tensors are cut finer, so that all threads get a fair share: handing out a tile costs about
// as much as a hundred elements.
inline constexpr int64_t kLeastTileElements = 1 << 12;
inline constexpr int64_t kFairTiles = 32;

inline int64_t tile_elements(int64_t elements) {
  int64_t size = kTileElements;
  while (size > kLeastTileElements && elements < kFairTiles * size) size /= 2;
  return size;
}

// A flat range of elements.
inline Tiles element_tiles(int64_t elements) {
  return {elements, tile_elements(elements)};
}

// Rows of `width` elements that do not depend on each other.
inline Tiles row_tiles(int64_t rows, int64_t width) {
  const int64_t per_tile = tile_elements(rows * width) / std::max<int64_t>(width, 1);
  return {rows, std::clamp<int64_t>(per_tile, 1, 1024)};
}

// Rows that are summed into one partial row per tile.
inline Tiles sum_tiles(int64_t rows) {
  return {rows, std::max(kMinSumRows, ceil_div(rows, kMaxSumTiles))};
}

}  // namespace weft::kernels
