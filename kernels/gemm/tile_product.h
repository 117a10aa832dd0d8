// One matrix product of a fixed shape, computed on the calling thread: what a GEMM plan makes its
// tiles of. By oneDNN (tile_product_onednn.cpp, and nothing of oneDNN shows here), or by plain
// loops with the reference kernels (tile_product_plain.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "weft/dtype.h"

namespace weft::kernels {

// C[m, n] = A B. Layouts as in GemmSpec; leading dimensions are given, never 0.
struct TileShape {
  int64_t m = 0, n = 0, k = 0;
  int64_t lda = 0, ldb = 0, ldc = 0;
  bool trans_a = false, trans_b = false;
  DType input = DType::kF32;
  // Not 0: A, if transposed, and B are not given as they lie in memory but as pack_a() and pack_b()
  // made them of that, in the layouts that suit a product of so many rows best. Products of other m
  // then share what is packed.
  int64_t packed_for_m = 0;
  bool operator==(const TileShape&) const = default;
};

class TileProduct {
 public:
  virtual ~TileProduct() = default;
  // `c` is always f32. `scratch` is aligned to 64 bytes. Two calls at the same time need different
  // workers.
  virtual void run(const void* a, const void* b, float* c, void* scratch, int worker) const = 0;

  // For products of packed operands; `packed` is aligned to 64 bytes.
  virtual void pack_a(const void* /*a*/, void* /*packed*/, void* /*scratch*/,
                      int /*worker*/) const {}
  virtual void pack_b(const void* /*b*/, void* /*packed*/, void* /*scratch*/,
                      int /*worker*/) const {}
};

// Bytes that one worker needs to run and to pack, and those of packed operands (0 for one that is
// taken as it is). Throws weft::Error if oneDNN refuses the shape.
struct TileMemory {
  size_t scratch = 0, packed_a = 0, packed_b = 0;
};
TileMemory onednn_memory(const TileShape& shape);
std::unique_ptr<TileProduct> make_onednn_product(const TileShape& shape, int workers);

// Every sum from the first product to the last, one after the other.
size_t plain_scratch_bytes(const TileShape& shape);
std::unique_ptr<TileProduct> make_plain_product(const TileShape& shape);

}  // namespace weft::kernels
