// A trie that does not change any more, as a double array (Aoe, 1989): a step down is one look into
// one table. Not here: tries that grow (byte_trie.h).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace weft::text {

class DoubleArray {
 public:
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Entry {
    std::string_view text;
    int32_t value;  // at least 0
  };

  // The trie of no strings.
  DoubleArray() : units_(256) {}
  // `strings` in the order of their bytes, each once.
  explicit DoubleArray(std::span<const Entry> strings);

  // The node behind `node` by one byte, or kNone.
  uint32_t child(uint32_t node, char byte) const {
    const uint32_t next = units_[node].base ^ static_cast<uint8_t>(byte);
    return units_[next].parent == node ? next : kNone;
  }
  // The value of the string that ends at `node`, or -1.
  int32_t value(uint32_t node) const { return units_[node].value; }

 private:
  // Children of a node lie at its base, a multiple of 256 and any low byte, exclusive-or their
  // byte.
  struct Unit {
    uint32_t base = 0;
    uint32_t parent = kNone;  // kNone: the unit is free, or the root
    int32_t value = -1;
  };
  // Strings [first, last) lead through a node, which became this unit.
  struct Placed {
    uint32_t first, last, unit;
  };
  void place_children(std::span<const Entry> strings, Placed node, size_t depth,
                      std::vector<Placed>& children);
  uint32_t base_for(std::span<const uint8_t> bytes);
  bool fits(uint32_t base, std::span<const uint8_t> bytes) const;

  std::vector<Unit> units_;
  uint32_t first_free_ = 1;
};

}  // namespace weft::text
