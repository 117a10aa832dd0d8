// One matrix product of a fixed shape, computed on the calling thread: what a GEMM plan makes its
// tiles of. By oneDNN (tile_product_onednn.cpp, and nothing of oneDNN shows here), or by plain
// loops with the reference kernels (tile_product_plain.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "weft/dtype.h"

namespace weft::kernels {

// C[m, n] = A B, or C += A B. Layouts as in GemmSpec; leading dimensions are given, never 0.
struct TileShape {
  int64_t m = 0, n = 0, k = 0;
  int64_t lda = 0, ldb = 0, ldc = 0;
  bool trans_a = false, trans_b = false;
  DType input = DType::kF32;
  bool accumulate = false;
  bool operator==(const TileShape&) const = default;
};

class TileProduct {
 public:
  virtual ~TileProduct() = default;
  // `c` is always f32. `scratch` is aligned to 64 bytes. Two calls at the same time need different
  // workers.
  virtual void run(const void* a, const void* b, float* c, void* scratch, int worker) const = 0;
};

// Whether this machine's oneDNN multiplies bfloat16 (it wants AVX-512).
bool onednn_multiplies_bf16();

// Bytes of scratch that run() needs for one worker. Throws weft::Error if oneDNN refuses the shape.
size_t onednn_scratch_bytes(const TileShape& shape);
std::unique_ptr<TileProduct> make_onednn_product(const TileShape& shape, int workers);

// Every sum from the first product to the last, one after the other.
size_t plain_scratch_bytes(const TileShape& shape);
std::unique_ptr<TileProduct> make_plain_product(const TileShape& shape);

}  // namespace weft::kernels
