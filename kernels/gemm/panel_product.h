// Products for which B is packed once as a whole, by all workers, and A is read as it lies: packing
// both for each tile (block_product.h) would show where the model is small, and reads A twice where
// it is large. bfloat16 operands are pairs, or widened to floats. Not for products of few rows
// (thin_product.h) nor for AMX (tile_product.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/words.h"

namespace weft::kernels {

// Whether this is the fastest way at this shape.
bool suits_panels(const GemmSpec& spec, Packed packed);

// A tile has at most so many rows.
inline constexpr int64_t kPanelTileRows = 48;

// B in panels of kPanelColumns columns, [words of k, kPanelColumns] each; of a gated product the
// panels of the second half follow those of the first. Memory is aligned to 64 bytes. Tasks may run
// at the same time.
inline constexpr int64_t kPanelColumns = 32;
size_t panels_bytes(const GemmSpec& spec, Packed packed);
int64_t panel_pack_tasks(const GemmSpec& spec);
void pack_panels(const GemmSpec& spec, const void* b, int64_t task, Packed packed, void* to);

// A's rows, where they are not read as they lie: bytes, aligned to 64, for `rows` of them (0: they
// are), and making them of memory that begins with the first one. Many columns of tiles share what
// is packed.
size_t panel_rows_bytes(const GemmSpec& spec, Packed packed, int64_t rows);
void pack_panel_rows(const GemmSpec& spec, const void* a, int64_t rows, Packed packed, void* to);

// A tile of A B + plus; of a gated product, of one half.
struct PanelTile {
  const void* a = nullptr;  // the tile's rows, as they lie or packed
  int64_t rows = 0;
  Packed packed = Packed::kFloats;
  const void* panels = nullptr;  // of the tile's columns
  int64_t columns = 0;           // which begin with a panel
  const float* plus = nullptr;   // rows of ld_plus; a bias has 0; may be c, or null
  int64_t ld_plus = 0;
  void* c = nullptr;  // the tile, in rows of ldc
  int64_t ldc = 0;
  DType output = DType::kF32;  // of c
};

// `spec` is small and its leading dimensions are given. A sum's order depends on k alone.
void multiply_panels(const GemmSpec& spec, const PanelTile& tile);

}  // namespace weft::kernels
