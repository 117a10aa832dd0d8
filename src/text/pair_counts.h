// Pairs of symbols and how often they occur, while a byte-pair encoding is learned. Not here: which
// pair is merged next (bpe_trainer.cpp).
#pragma once

#include <cstdint>
#include <vector>

namespace weft::text {

using SymbolPair = uint64_t;  // left id in the high half: compared as numbers, pairs are in order

inline SymbolPair pair_of(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}
inline int32_t left_of(SymbolPair pair) {
  return static_cast<int32_t>(pair >> 32);
}
inline int32_t right_of(SymbolPair pair) {
  return static_cast<int32_t>(pair & UINT32_MAX);
}

// Dense numbers for pairs, from 0 on in the order of their first appearance, and a count for each.
class PairCounts {
 public:
  PairCounts() : slots_(1 << 16) {}

  // The number of the pair, which is new if it was not there (count 0). The symbol ids are not
  // negative.
  uint32_t number_of(SymbolPair pair) {
    const size_t slot = slot_of(pair);
    if (slots_[slot] != 0) return slots_[slot] - 1;
    pairs_.push_back(pair);
    counts_.push_back(0);
    slots_[slot] = static_cast<uint32_t>(pairs_.size());
    if (2 * pairs_.size() > slots_.size()) grow();
    return static_cast<uint32_t>(pairs_.size() - 1);
  }

  size_t size() const { return pairs_.size(); }
  SymbolPair pair(uint32_t number) const { return pairs_[number]; }
  int64_t& count(uint32_t number) { return counts_[number]; }

 private:
  size_t slot_of(SymbolPair pair) const {
    const size_t mask = slots_.size() - 1;
    size_t i = static_cast<size_t>((pair * 0x9E3779B97F4A7C15) >> 20) & mask;
    while (slots_[i] != 0 && pairs_[slots_[i] - 1] != pair) i = (i + 1) & mask;
    return i;
  }
  void grow() {
    slots_.assign(4 * slots_.size(), 0);
    for (size_t i = 0; i < pairs_.size(); ++i) {
      slots_[slot_of(pairs_[i])] = static_cast<uint32_t>(i + 1);
    }
  }

  std::vector<uint32_t> slots_;  // number + 1; 0 is free
  std::vector<SymbolPair> pairs_;
  std::vector<int64_t> counts_;
};

}  // namespace weft::text
