// Splits elementwise work into tiles of a fixed size. For operators whose kernel is a single
// expression that the compiler vectorises.
#pragma once

#include <algorithm>
#include <cstdint>

#include "weft/parallel_for.h"

namespace weft::ops {

inline constexpr int64_t kElementwiseTile = 16384;

// Calls body(begin, end) for ranges that cover [0, n).
template <class Body>
void for_each_range(const ParallelFor& parallel, int64_t n, const Body& body) {
  parallel((n + kElementwiseTile - 1) / kElementwiseTile, [&](int64_t tile, int) {
    body(tile * kElementwiseTile, std::min(n, (tile + 1) * kElementwiseTile));
  });
}

}  // namespace weft::ops
