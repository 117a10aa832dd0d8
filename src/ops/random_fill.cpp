#include "ops/random_fill.h"

#include "kernels/random/normal.h"

namespace weft::ops {

void fill_normal(std::span<float> values, uint64_t key, double deviation,
                 const ParallelFor& parallel) {
  kernels::fill_normal({.values_N = values.data(),
                        .N = static_cast<int64_t>(values.size()),
                        .key = key,
                        .deviation = deviation},
                       parallel);
}

}  // namespace weft::ops
