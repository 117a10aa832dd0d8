// Which keys a query sees, and how queries and keys are cut into blocks.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/attention/attention.h"
#include "kernels/simd/tiles.h"

namespace weft::kernels {

// Keys in a block, and queries in a block: four AVX-512 vectors of either, and 64 x 64 floats are
// 16 KiB, so that what a product reads again and again stays in the first-level cache.
inline constexpr int64_t kKeyBlock = 64;
inline constexpr int64_t kQueryBlock = 64;
// Columns of packed blocks come in panels of this many, whatever the vector length; of a block that
// is seen in part, panels of so many queries are computed against so many keys at a time.
inline constexpr int64_t kPanel = 16;

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

// What the queries of a block see. Queries that are missing (the last block of a head) see nothing
// and take part in nothing.
struct QueriesSee {
  int32_t begin[kQueryBlock] = {}, end[kQueryBlock] = {};  // keys of one query; 0, 0 if none
  int64_t count = 0;
  KeyRange any = {}, all = {};  // what some query sees lies in `any`; every query sees `all`

  // Of what they see, only what lies within `limit` counts.
  void set(const AttentionShape& shape, const AttentionMask& mask, const HeadSpan& queries,
           const KeyRange& limit) {
    count = queries.count;
    any = {};
    all = limit;
    for (int64_t r = 0; r < kQueryBlock; ++r) {
      KeyRange seen;
      if (r < count) {
        seen = visible_keys(shape, mask, queries.b, queries.first + r).within(limit);
        if (seen.empty()) seen = {};
        any = join(any, seen);
        all = all.within(seen);
      }
      begin[r] = static_cast<int32_t>(seen.begin);
      end[r] = static_cast<int32_t>(seen.end);
    }
  }
};

// What the queries of a block see of one block of keys. Keys count from the block's first.
struct SeenBlock {
  const QueriesSee& queries;
  int64_t first_key;
  int64_t unit;   // of panels: so many queries; keys are rounded to so many
  bool complete;  // every query sees every key
  KeyRange panels[kQueryBlock / kPanel] = {};

  SeenBlock(const QueriesSee& see, int64_t first, int64_t panel_unit)
      : queries(see),
        first_key(first),
        unit(panel_unit),
        complete(see.all.begin <= first && first + kKeyBlock <= see.all.end) {
    for (int64_t r = 0; r < see.count && !complete; ++r) {
      const KeyRange seen =
          KeyRange{see.begin[r] - first, see.end[r] - first}.within({0, kKeyBlock});
      panels[r / unit] = join(panels[r / unit], seen);
    }
    for (KeyRange& panel : panels) {
      if (panel.empty()) continue;
      panel = {panel.begin / unit * unit, round_up(panel.end, unit)};
    }
  }

  // The queries, in whole panels from the first to the last, that see any of a panel of keys.
  KeyRange queries_of(int64_t key) const {
    KeyRange range;
    for (int64_t i = 0; i < kQueryBlock / unit; ++i) {
      if (panels[i].within({key, key + unit}).empty()) continue;
      range = join(range, {i * unit, (i + 1) * unit});
    }
    return range;
  }
};

// body(queries, keys): all at once if all are seen, else panel by panel.
template <class Body>
inline void for_seen_panels(const SeenBlock& seen, const Body& body) {
  if (seen.complete) return body(KeyRange{0, kQueryBlock}, KeyRange{0, kKeyBlock});
  for (int64_t i = 0; i < kQueryBlock / seen.unit; ++i) {
    if (seen.panels[i].empty()) continue;
    body(KeyRange{i * seen.unit, (i + 1) * seen.unit}, seen.panels[i]);
  }
}

}  // namespace weft::kernels
