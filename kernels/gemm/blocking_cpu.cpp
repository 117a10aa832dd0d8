// Which way a product takes, and how large its tiles are.
#include <algorithm>

#include "kernels/gemm/bf16_products.h"
#include "kernels/gemm/block_product.h"
#include "kernels/gemm/blocking.h"
#include "kernels/gemm/panel_product.h"
#include "kernels/simd/tiles.h"
#include "weft/kernel_choice.h"

namespace weft::kernels {
namespace {

// Tiles in float, measured on one Emerald Rapids core (2 MiB of L2, 175 GFLOP/s at most) over the
// shapes of gemm_bench: 192 x 512 gives 128 GFLOP/s on average, 384 x 512 133, 384 x 1024 140. Each
// tile packs its part of A and of B again, so larger is better while there are tiles for all.
constexpr int64_t kBlockTileM = 384, kBlockTileN = 1024;
constexpr int64_t kLeastBlockTileM = 48, kLeastBlockTileN = 128;
// Leaves the last tile's worker alone for 6 % of the time. Pairs are multiplied so fast that
// packing shows where tiles are small: at 256 rows and a k of 50,257, 164 GFLOP/s with 8, 192
// with 3.
constexpr int64_t kTilesPerWorker = 8, kPairTilesPerWorker = 3;
// AMX multiplies so fast that a tile's fixed costs would show.
constexpr int64_t kOneDnnTileM = 256, kOneDnnTileN = 512;
constexpr int64_t kPlainTileM = 128, kPlainTileN = 256;

// Equal parts of at most `target`, rounded up to a multiple of `unit`.
int64_t balanced(int64_t size, int64_t target, int64_t unit) {
  const int64_t part = ceil_div(size, ceil_div(size, target));
  return std::min(size, round_up(part, unit));
}

// Without tiles.
GemmBlocking choose_method(const GemmSpec& s) {
  if (kernel_choice() == KernelChoice::kReference) return {GemmMethod::kPlain};
  if (is_thin(s)) return {GemmMethod::kThin};
  const bool is_bf16 = s.input == DType::kBF16;
  if (is_bf16 && bf16_products() == Bf16Products::kOneDnn) return {GemmMethod::kOneDnn};
  const bool pairs = is_bf16 && bf16_products() == Bf16Products::kPairs;
  const Packed packed = pairs ? Packed::kPairs : Packed::kFloats;
  return {suits_panels(s, packed) ? GemmMethod::kPanels : GemmMethod::kBlocks, packed};
}

struct TileSize {
  int64_t m, n;
};

// The order of a sum does not depend on the tile (block_product.h), so workers may decide.
TileSize block_tile_size(const GemmSpec& s, Packed packed, int workers) {
  const int64_t each = packed == Packed::kPairs ? kPairTilesPerWorker : kTilesPerWorker;
  int64_t m = kBlockTileM, n = kBlockTileN;
  const auto too_few = [&] { return ceil_div(s.m, m) * ceil_div(s.n, n) < each * workers; };
  // The longer side first: A is packed again for every tile of a row, B for every one of a column.
  while (n > kLeastBlockTileN && too_few()) (n > m ? n : m) /= 2;
  while (m > kLeastBlockTileM && too_few()) m /= 2;
  return {balanced(s.m, m, kBlockTileRows), balanced(s.n, n, kBlockTileColumns)};
}

// Fewer columns rather than fewer rows for each worker: a panel is read once for all rows of a
// tile.
TileSize panel_tile_size(const GemmSpec& s, int workers) {
  const int64_t m = balanced(s.m, kPanelTileRows, kBlockTileRows);
  int64_t n = s.n;
  while (n > kPanelColumns && ceil_div(s.m, m) * ceil_div(s.n, n) < kTilesPerWorker * workers) {
    n = round_up(n / 2, kPanelColumns);
  }
  return {m, n};
}

TileSize tile_size(const GemmSpec& s, const GemmBlocking& blocking, int workers) {
  switch (blocking.method) {
    case GemmMethod::kPlain:
      return {balanced(s.m, kPlainTileM, 16), balanced(s.n, kPlainTileN, 64)};
    case GemmMethod::kThin: return {s.m, thin_tile_columns(s, workers)};
    case GemmMethod::kOneDnn:
      return {balanced(s.m, kOneDnnTileM, 16), balanced(s.n, kOneDnnTileN, 64)};
    case GemmMethod::kPanels: return panel_tile_size(s, workers);
    case GemmMethod::kBlocks: break;
  }
  return block_tile_size(s, blocking.packed, workers);
}

}  // namespace

GemmBlocking choose_blocking(const GemmSpec& s, int workers) {
  GemmBlocking blocking = choose_method(s);
  const TileSize size = tile_size(s, blocking, workers);
  blocking.tile_m = size.m;
  blocking.tile_n = size.n;
  if (blocking.method == GemmMethod::kThin) blocking.slicing = thin_slicing(s, workers);
  return blocking;
}

}  // namespace weft::kernels
