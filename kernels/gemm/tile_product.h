// One matrix product of a fixed shape, computed by oneDNN on the calling thread: what a GEMM plan
// makes its tiles of. Nothing of oneDNN shows here, and only tile_product_onednn.cpp knows it.
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

// Whether this machine's oneDNN multiplies bfloat16 (it wants AVX-512).
bool onednn_multiplies_bf16();

// Bytes of scratch that run() needs for one worker. Throws weft::Error if oneDNN refuses the shape.
size_t tile_scratch_bytes(const TileShape& shape);

class TileProduct {
 public:
  // Throws weft::Error if oneDNN refuses the shape.
  TileProduct(const TileShape& shape, int workers);
  ~TileProduct();
  TileProduct(const TileProduct&) = delete;
  TileProduct& operator=(const TileProduct&) = delete;

  // `c` is always f32. `scratch` is aligned to 64 bytes. Two calls at the same time need different
  // workers.
  void run(const void* a, const void* b, float* c, void* scratch, int worker) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::kernels
