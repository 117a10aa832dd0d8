// Matrix products by plain loops: the reference that the fast ones are compared with. Every element
// is summed from the first product to the last, in float, without fused multiply-adds, so that its
// bits depend on nothing but its operands.
#include <algorithm>

#include "kernels/gemm/tile_product.h"

namespace weft::kernels {
namespace {

constexpr int64_t kBlockK = 32;  // rows of B that are packed at a time: 32 KiB, the first cache

template <class T>
class PlainProduct final : public TileProduct {
 public:
  explicit PlainProduct(const TileShape& shape) : s_(shape) {}

  void run(const void* a, const void* b, float* c, void* scratch, int) const override {
    auto* packed = static_cast<float*>(scratch);
    for (int64_t k0 = 0; k0 < s_.k; k0 += kBlockK) {
      const int64_t count = std::min(kBlockK, s_.k - k0);
      pack(static_cast<const T*>(b), k0, count, packed);
      for (int64_t i = 0; i < s_.m; ++i) {
        float* row = c + i * s_.ldc;
        if (k0 == 0) std::fill_n(row, s_.n, 0.0f);
        for (int64_t k = 0; k < count; ++k)
          add_row(element_of_a(static_cast<const T*>(a), i, k0 + k), packed + k * s_.n, row);
      }
    }
  }

 private:
  float element_of_a(const T* a, int64_t i, int64_t k) const {
    return static_cast<float>(a[s_.trans_a ? k * s_.lda + i : i * s_.lda + k]);
  }

  // Rows k0 to k0 + count of B, dense, as floats.
  void pack(const T* b, int64_t k0, int64_t count, float* packed) const {
    for (int64_t k = 0; k < count; ++k) {
      for (int64_t j = 0; j < s_.n; ++j) {
        const int64_t at = s_.trans_b ? j * s_.ldb + k0 + k : (k0 + k) * s_.ldb + j;
        packed[k * s_.n + j] = static_cast<float>(b[at]);
      }
    }
  }

  void add_row(float factor, const float* from, float* to) const {
    for (int64_t j = 0; j < s_.n; ++j) to[j] += factor * from[j];
  }

  TileShape s_;
};

}  // namespace

size_t plain_scratch_bytes(const TileShape& shape) {
  return static_cast<size_t>(std::min(kBlockK, shape.k) * shape.n) * sizeof(float);
}

std::unique_ptr<TileProduct> make_plain_product(const TileShape& shape) {
  if (shape.input == DType::kF32) return std::make_unique<PlainProduct<float>>(shape);
  return std::make_unique<PlainProduct<BFloat16>>(shape);
}

}  // namespace weft::kernels
