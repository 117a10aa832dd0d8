// Numbers that tests make and add up by the million, compiled apart: tests are compiled without
// optimization under sanitizers.
#pragma once

#include <cstdint>
#include <span>

#include "weft/dtype.h"

namespace weft::kernels::testing {

// Element i is normal, of philox(key, i), times scale.
void random_normal(std::span<float> values, uint64_t key, double scale);
void random_normal(std::span<BFloat16> values, uint64_t key, double scale);

// Element i is uniform in [-range, range), of philox(key, i).
void random_uniform(std::span<float> values, uint64_t key, float range);
void random_uniform(std::span<BFloat16> values, uint64_t key, float range);

// Every `step`th element from `first` on.
template <class T>
struct Strided {
  const T* first;
  int64_t step;
};
// Sums in double of n products, and of their sizes.
struct ProductSum {
  double value = 0, size = 0;
};
ProductSum product_sum(Strided<float> a, Strided<float> b, int64_t n);
ProductSum product_sum(Strided<BFloat16> a, Strided<BFloat16> b, int64_t n);

}  // namespace weft::kernels::testing
