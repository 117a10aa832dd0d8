// Set operations on code points (code_set.h).
#include "text/code_set.h"

#include <algorithm>

namespace weft::text {

CodeSet CodeSet::of_class(uint16_t mask) {
  CodeSet set;
  set.ranges_ = ranges_of(mask);
  return set;
}

void CodeSet::add(uint32_t first, uint32_t last) {
  const auto reaches = [](const CodeRange& range, uint32_t code) { return range.last + 1 < code; };
  const auto begin = std::lower_bound(ranges_.begin(), ranges_.end(), first, reaches);
  auto end = begin;
  CodeRange joined{first, last};
  for (; end != ranges_.end() && end->first <= last + 1; ++end) {
    joined = {std::min(joined.first, end->first), std::max(joined.last, end->last)};
  }
  ranges_.insert(ranges_.erase(begin, end), joined);
}

void CodeSet::add(const CodeSet& other) {
  for (const CodeRange& range : other.ranges_) add(range.first, range.last);
}

CodeSet CodeSet::complement() const {
  CodeSet rest;
  uint32_t next = 0;
  for (const CodeRange& range : ranges_) {
    if (range.first > next) rest.ranges_.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= 0x10FFFF) rest.ranges_.push_back({next, 0x10FFFF});
  return rest;
}

bool CodeSet::contains(uint32_t code) const {
  const auto it =
      std::lower_bound(ranges_.begin(), ranges_.end(), code,
                       [](const CodeRange& range, uint32_t c) { return range.last < c; });
  return it != ranges_.end() && it->first <= code;
}

bool CodeSet::operator==(const CodeSet& other) const {
  return std::ranges::equal(ranges_, other.ranges_, [](const CodeRange& a, const CodeRange& b) {
    return a.first == b.first && a.last == b.last;
  });
}

}  // namespace weft::text
