// Products for which B is packed once as a whole, by all workers, and A is read as it lies: packing
// both for each tile (float_product.h) would show where the model is small, and reads A twice where
// it is large. bfloat16 operands are widened. Not for products of few rows (thin_product.h) nor for
// processors that multiply bfloat16 fast (tile_product.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/gemm/gemm.h"

namespace weft::kernels {

// Whether this is the fastest way at this shape, whose input is float or would be widened.
bool suits_panels(const GemmSpec& spec);

// A tile has at most so many rows.
inline constexpr int64_t kPanelTileRows = 48;

// B in panels of kPanelColumns columns, [k, kPanelColumns] floats each; of a gated product the
// panels of the second half follow those of the first. Memory is aligned to 64 bytes. Tasks may run
// at the same time.
inline constexpr int64_t kPanelColumns = 32;
size_t panels_bytes(const GemmSpec& spec);
int64_t panel_pack_tasks(const GemmSpec& spec);
void pack_panels(const GemmSpec& spec, const void* b, int64_t task, float* packed);

// Bytes of scratch memory, aligned to 64, for a tile of `rows` rows.
size_t panel_scratch_bytes(const GemmSpec& spec, int64_t rows);

// A tile of A B + plus; of a gated product, of one half.
struct PanelTile {
  const void* a = nullptr;
  int64_t first_row = 0, rows = 0;
  const float* panels = nullptr;  // of the tile's columns
  int64_t columns = 0;            // which begin with a panel
  const float* plus = nullptr;    // rows of ld_plus; a bias has 0; may be c, or null
  int64_t ld_plus = 0;
  void* c = nullptr;  // the tile, in rows of ldc
  int64_t ldc = 0;
  DType output = DType::kF32;  // of c
  void* scratch = nullptr;
};

// `spec` is small and its leading dimensions are given. A sum's order depends on k alone.
void multiply_panels(const GemmSpec& spec, const PanelTile& tile);

}  // namespace weft::kernels
