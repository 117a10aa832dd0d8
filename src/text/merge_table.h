// The merges of a byte-pair encoding, looked up by pair of ids. Not here: in which order they are
// done (bpe_model.h).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace weft::text {

struct Merge {
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t rank = kNone;  // lower merges earlier; kNone: the pair does not merge
  int32_t id = -1;        // of the token that the pair becomes
};

class MergeTable {
 public:
  explicit MergeTable(size_t most_merges)
      : slots_(std::bit_ceil(std::max<size_t>(2 * most_merges, 2))) {}

  // False, and nothing is stored, if the pair is there.
  bool insert(int32_t left, int32_t right, Merge merge) {
    Slot& slot = slots_[slot_of(left, right)];
    if (slot.merge.rank != Merge::kNone) return false;
    slot = {left, right, merge};
    return true;
  }

  Merge find(int32_t left, int32_t right) const { return slots_[slot_of(left, right)].merge; }

 private:
  struct Slot {
    int32_t left = -1, right = -1;
    Merge merge;
  };

  size_t slot_of(int32_t left, int32_t right) const {
    const uint64_t pair =
        uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
    const size_t mask = slots_.size() - 1;
    size_t i = static_cast<size_t>((pair * 0x9E3779B97F4A7C15) >> 20) & mask;
    while (slots_[i].merge.rank != Merge::kNone &&
           (slots_[i].left != left || slots_[i].right != right)) {
      i = (i + 1) & mask;
    }
    return i;
  }

  std::vector<Slot> slots_;
};

}  // namespace weft::text
