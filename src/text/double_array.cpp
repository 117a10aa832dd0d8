// Placing nodes (double_array.h): level by level, each set of children into the first gap it fits.
#include "text/double_array.h"

#include <algorithm>
#include <array>

#include "weft/error.h"

namespace weft::text {
namespace {

constexpr uint32_t kBlock = 256;
// Gaps that are tried before a new block is begun.
constexpr int kMostTries = 256;

}  // namespace

DoubleArray::DoubleArray(std::span<const Entry> strings) : units_(kBlock) {
  WEFT_ASSERT(strings.size() < kNone);
  std::vector<Placed> level = {{0, static_cast<uint32_t>(strings.size()), kRoot}}, below;
  for (size_t depth = 0; !level.empty(); ++depth) {
    below.clear();
    for (const Placed node : level) place_children(strings, node, depth, below);
    level.swap(below);
  }
}

// Children of a node whose strings share their first `depth` bytes.
void DoubleArray::place_children(std::span<const Entry> strings, Placed node, size_t depth,
                                 std::vector<Placed>& children) {
  if (node.first < node.last && strings[node.first].text.size() == depth)
    units_[node.unit].value = strings[node.first++].value;
  if (node.first == node.last) return;
  const size_t before = children.size();
  std::array<uint8_t, 256> bytes;
  size_t count = 0;
  for (uint32_t i = node.first; i < node.last; ++i) {
    const auto byte = static_cast<uint8_t>(strings[i].text[depth]);
    if (count == 0 || bytes[count - 1] != byte) {
      bytes[count++] = byte;
      children.push_back({i, i, 0});
    }
    children.back().last = i + 1;
  }
  const uint32_t base = base_for(std::span(bytes).first(count));
  units_[node.unit].base = base;
  for (size_t i = 0; i < count; ++i) {
    children[before + i].unit = base ^ bytes[i];
    units_[base ^ bytes[i]].parent = node.unit;
  }
}

bool DoubleArray::fits(uint32_t base, std::span<const uint8_t> bytes) const {
  return std::ranges::all_of(bytes, [&](uint8_t byte) {
    const uint32_t unit = base ^ byte;
    return unit != kRoot && units_[unit].parent == kNone;
  });
}

uint32_t DoubleArray::base_for(std::span<const uint8_t> bytes) {
  while (first_free_ < units_.size() && units_[first_free_].parent != kNone) ++first_free_;
  int tries = 0;
  for (uint32_t unit = first_free_; unit < units_.size() && tries < kMostTries; ++unit) {
    if (units_[unit].parent != kNone) continue;
    ++tries;
    const uint32_t base = unit ^ bytes[0];
    if (fits(base, bytes)) return base;
  }
  // What could not be filled is left behind, so that later nodes do not try it again.
  if (tries == kMostTries) first_free_ += kBlock;
  const auto base = static_cast<uint32_t>(units_.size());
  units_.resize(units_.size() + kBlock);
  return base;
}

}  // namespace weft::text
