// Placing nodes (double_array.h): level by level, each set of children into the first gap it fits.
#include "text/double_array.h"

#include <algorithm>

namespace weft::text {
namespace {

constexpr uint32_t kBlock = 256;
// Gaps that are tried before a new block is begun.
constexpr int kMostTries = 256;

}  // namespace

DoubleArray::DoubleArray(const ByteTrie& trie) : units_(kBlock) {
  std::vector<Edge> edges;
  trie.for_each_edge([&](uint32_t node, uint8_t byte, uint32_t child) {
    edges.push_back({node, child, byte});
  });
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    return a.node != b.node ? a.node < b.node : a.byte < b.byte;
  });
  std::vector<size_t> begin(trie.nodes() + 1, edges.size());
  for (size_t i = edges.size(); i-- > 0;) begin[edges[i].node] = i;
  for (size_t node = trie.nodes(); node-- > 0;)
    begin[node] = std::min(begin[node], begin[node + 1]);
  struct Placed {
    uint32_t node, unit;
  };
  std::vector<Placed> queue = {{ByteTrie::kRoot, kRoot}};
  for (size_t i = 0; i < queue.size(); ++i) {
    const auto [node, unit] = queue[i];
    units_[unit].value = trie.value(node);
    const Edge* const first = edges.data() + begin[node];
    const Edge* const last = edges.data() + begin[node + 1];
    if (first == last) continue;
    const uint32_t base = base_for(first, last);
    units_[unit].base = base;
    for (const Edge* edge = first; edge != last; ++edge) {
      units_[base ^ edge->byte].parent = unit;
      queue.push_back({edge->child, base ^ edge->byte});
    }
  }
}

bool DoubleArray::fits(uint32_t base, const Edge* first, const Edge* last) const {
  return std::all_of(first, last, [&](const Edge& edge) {
    const uint32_t unit = base ^ edge.byte;
    return unit != kRoot && units_[unit].parent == kNone;
  });
}

uint32_t DoubleArray::base_for(const Edge* first, const Edge* last) {
  while (first_free_ < units_.size() && units_[first_free_].parent != kNone) ++first_free_;
  int tries = 0;
  for (uint32_t unit = first_free_; unit < units_.size() && tries < kMostTries; ++unit) {
    if (units_[unit].parent != kNone) continue;
    ++tries;
    const uint32_t base = unit ^ first->byte;
    if (fits(base, first, last)) return base;
  }
  // What could not be filled is left behind, so that later nodes do not try it again.
  if (tries == kMostTries) first_free_ += kBlock;
  const auto base = static_cast<uint32_t>(units_.size());
  units_.resize(units_.size() + kBlock);
  return base;
}

}  // namespace weft::text
