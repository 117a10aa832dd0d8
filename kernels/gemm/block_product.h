// A tile of a matrix product: operands are packed in blocks that stay in the caches, sums in
// registers. bfloat16 operands are packed as pairs, or widened to floats. What a GEMM plan makes
// its tiles of. Not for products of few rows (thin_product.h).
// (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008.)
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/gemm/words.h"
#include "weft/dtype.h"

namespace weft::kernels {

// A is [m, k] in rows of `lda` (or [k, m] with trans_a), B is [k, n] in rows of `ldb` (or [n, k]
// with trans_b); their first elements are the tile's.
struct BlockTile {
  int64_t m = 0, n = 0, k = 0;
  int64_t lda = 0, ldb = 0, ld_sums = 0;
  int64_t readable =
      0;  // rows of A from the tile's first on: as many as its memory has, at least m
  bool trans_a = false, trans_b = false;
  DType input = DType::kF32;  // of a and b: f32 or bf16
  Packed packed = Packed::kFloats;
  const void* a = nullptr;
  const void* b = nullptr;
  float* sums = nullptr;
  bool accumulate = false;
  // Of pairs: where finished sums are rounded to, in rows of ld_rounded; `sums` are scratch then.
  BFloat16* rounded = nullptr;
  int64_t ld_rounded = 0;
};

// Sizes of tiles are multiples of these, but for those at the far edges, so that no lanes are idle.
inline constexpr int64_t kBlockTileRows = 12, kBlockTileColumns = 32;

// Bytes, aligned to 64, for tiles of up to m rows.
size_t block_tile_scratch_bytes(int64_t m, Packed packed);
// sums = A B, or sums += A B. A sum's order depends on k alone.
void multiply_block_tile(const BlockTile& tile, void* scratch);

}  // namespace weft::kernels
