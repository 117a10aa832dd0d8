#include "numbers.h"

#include <cmath>

#include "weft/philox.h"

namespace weft::kernels::testing {
namespace {

template <class T>
void random_normal_of(std::span<T> values, uint64_t key, double scale) {
  uint64_t i = 0;
  for (T& value : values) {
    const PhiloxBlock block = philox(key, i++);
    value = static_cast<T>(static_cast<float>(scale * normal_from(block[0], block[1])[0]));
  }
}

template <class T>
void random_uniform_of(std::span<T> values, uint64_t key, float range) {
  uint64_t i = 0;
  for (T& value : values) {
    value = static_cast<T>((2.0f * uniform_from(philox(key, i++)[0]) - 1.0f) * range);
  }
}

template <class T>
ProductSum sum_of(Strided<T> a, Strided<T> b, int64_t n) {
  ProductSum sum;
  for (int64_t k = 0; k < n; ++k) {
    const double product = static_cast<double>(static_cast<float>(a.first[k * a.step])) *
                           static_cast<double>(static_cast<float>(b.first[k * b.step]));
    sum.value += product;
    sum.size += std::abs(product);
  }
  return sum;
}

}  // namespace

void random_normal(std::span<float> values, uint64_t key, double scale) {
  random_normal_of(values, key, scale);
}
void random_normal(std::span<BFloat16> values, uint64_t key, double scale) {
  random_normal_of(values, key, scale);
}

void random_uniform(std::span<float> values, uint64_t key, float range) {
  random_uniform_of(values, key, range);
}
void random_uniform(std::span<BFloat16> values, uint64_t key, float range) {
  random_uniform_of(values, key, range);
}

ProductSum product_sum(Strided<float> a, Strided<float> b, int64_t n) {
  return sum_of(a, b, n);
}
ProductSum product_sum(Strided<BFloat16> a, Strided<BFloat16> b, int64_t n) {
  return sum_of(a, b, n);
}

}  // namespace weft::kernels::testing
