// Products of bfloat16 blocks with float sums, by whatever instructions a processor has for them:
// AMX tiles, AVX512-BF16 dot products, or tiles emulated in plain C++ for tests. Attention's tiled
// path is written against this and knows no instruction. Not a matrix library: blocks are packed by
// the caller and lie in the first two caches.
#pragma once

#include <cstdint>

#include "weft/dtype.h"

namespace weft::kernels {

// Rows, columns and depth of products are multiples of this: two tiles of 16 rows, and the 32
// bfloat16 that a tile's row holds.
inline constexpr int64_t kTileUnit = 32;

// C[m, n] = A B, or C += A B. Rows of A hold k contiguous elements. B is in pairs: its elements
// (2 i, j) and (2 i + 1, j) are neighbours, at b[i * b_row + 2 j]. Row lengths count elements.
struct PairProduct {
  const BFloat16* a;
  int64_t a_row;
  const BFloat16* b;
  int64_t b_row;
  float* c;
  int64_t c_row;
  int64_t m, n, k;
  bool add;
};

// begin() and end() enclose a thread's products and must come in pairs: tiles are configured in
// between, and are left as they were found, for a library that uses them on the same thread.
struct TileEngine {
  void (*begin)();
  void (*multiply)(const PairProduct& product);
  void (*end)();
};

// Null where the processor family has no such instructions; whether this processor has them is the
// caller's to know (kernels/cpu_isa.h).
const TileEngine* amx_tiles();
const TileEngine* dot_product_tiles();
// Tile registers as arrays, with AMX's limits asserted: every shape, stride and configuration.
const TileEngine* emulated_tiles();

class TileSession {
 public:
  explicit TileSession(const TileEngine& engine) : engine_(engine) { engine_.begin(); }
  ~TileSession() { engine_.end(); }
  TileSession(const TileSession&) = delete;
  TileSession& operator=(const TileSession&) = delete;

  void multiply(const PairProduct& product) const { engine_.multiply(product); }

 private:
  const TileEngine& engine_;
};

}  // namespace weft::kernels
