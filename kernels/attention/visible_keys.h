// Which keys a query sees, and how queries and keys are cut into blocks.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/attention/attention.h"

namespace weft::kernels {

// Keys in a block: four AVX-512 vectors, and 64 x 64 floats are 16 KiB.
inline constexpr int64_t kKeyBlock = 64;
// Queries in a block. Larger blocks read keys and values less often; 96 x 64 scores and 96 x 64
// sums still fit the first-level cache. A multiple of the rows that a product keeps in registers.
inline constexpr int64_t kQueryBlock = 96;
// Columns of packed blocks come in panels of this many, whatever the vector length.
inline constexpr int64_t kPanel = 16;

inline int64_t round_up(int64_t n, int64_t unit) {
  return (n + unit - 1) / unit * unit;
}
inline int64_t blocks_of(int64_t n, int64_t block) {
  return (n + block - 1) / block;
}

// Tokens [first, first + count) of one head of one sample.
struct HeadSpan {
  int64_t b, head, first, count;
};

// Keys [begin, end); empty if begin >= end.
struct KeyRange {
  int64_t begin = 0, end = 0;

  bool empty() const { return begin >= end; }
  KeyRange within(const KeyRange& other) const {
    return {std::max(begin, other.begin), std::min(end, other.end)};
  }
  KeyRange shifted(int64_t by) const { return {begin + by, end + by}; }
};

// The least range that holds both; an empty one adds nothing.
inline KeyRange join(const KeyRange& a, const KeyRange& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

inline KeyRange visible_keys(const AttentionShape& shape, const AttentionMask& mask, int64_t b,
                             int64_t t) {
  const int64_t self = t + shape.S - shape.T;
  KeyRange range{0, shape.S};
  if (mask.causal) range.end = std::min(range.end, self + 1);
  if (mask.window > 0) range.begin = std::max(range.begin, self - mask.window + 1);
  if (mask.range_BT2 != nullptr) {
    const int32_t* given = mask.range_BT2 + 2 * (b * shape.T + t);
    range = range.within({given[0], given[1]});
  }
  return range;
}

}  // namespace weft::kernels
