// Strings to values, looked up byte by byte: all strings that begin at a place of a text are found
// on one way down. Not here: strings as a whole (StringTable in vocabulary.h).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace weft::text {

class ByteTrie {
 public:
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNone = UINT32_MAX;

  ByteTrie();

  // Replaces the value of a string that is there; `value` is at least 0.
  void insert(std::string_view text, int32_t value);

  // The node behind `node` by one byte, or kNone.
  uint32_t child(uint32_t node, char byte) const {
    if (node == kRoot) return of_root_[static_cast<uint8_t>(byte)];
    return slots_[slot_of(key_of(node, byte))].child;
  }
  // The node that `text` leads to, or kNone.
  uint32_t node_of(std::string_view text) const;
  // The value of the string that ends at `node`, or -1.
  int32_t value(uint32_t node) const { return values_[node]; }

 private:
  struct Slot {
    uint64_t key = 0;  // 0: free; the root is looked up elsewhere, so no key is
    uint32_t child = kNone;
  };

  static uint64_t key_of(uint32_t node, char byte) {
    return uint64_t{node} << 8 | static_cast<uint8_t>(byte);
  }
  size_t slot_of(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t i = static_cast<size_t>((key * 0x9E3779B97F4A7C15) >> 24) & mask;
    while (slots_[i].key != 0 && slots_[i].key != key) i = (i + 1) & mask;
    return i;
  }
  uint32_t add_child(uint32_t node, char byte);
  void grow();

  std::vector<uint32_t> of_root_;  // by byte
  std::vector<Slot> slots_;
  std::vector<int32_t> values_;  // by node
};

}  // namespace weft::text
