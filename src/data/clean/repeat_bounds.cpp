#include "data/clean/repeat_bounds.h"

#include <bit>

#include "weft/error.h"

namespace weft::data {
namespace {

// So many counters for each word that two 2-grams seldom share one; and so many bits that of the
// 5-grams of a text without repeats about one in a hundred seems to be one.
constexpr size_t kCountersPerWord = 4;
constexpr size_t kBitsPerWord = 64;
constexpr size_t kLeastWords = 64;

constexpr uint64_t joined(uint64_t left, uint64_t right) {
  return (left ^ left >> 29) * kSpread + right;
}

}  // namespace

RepeatBounds RepeatSketch::bounds(const SpacedWords& words) {
  WEFT_ASSERT(words.size() <= kMostWords);
  RepeatBounds bounds;
  bounds.pair_count = count_pairs(words);
  bounds.repeated_bytes = repeated_bytes(words);
  return bounds;
}

// Of the counter that was raised most often.
int64_t RepeatSketch::count_pairs(const SpacedWords& words) {
  const auto hashes = words.hashes();
  const size_t counters = std::bit_ceil(std::max(hashes.size(), kLeastWords)) * kCountersPerWord;
  const int shift = 64 - std::countr_zero(counters);
  if (pairs_.size() < hashes.size()) pairs_.resize(hashes.size());
  counts_.assign(counters, 0);
  uint16_t most = 0;
  for (size_t i = 0; i + 1 < hashes.size(); ++i) {
    pairs_[i] = joined(hashes[i], hashes[i + 1]);
    most = std::max(most, ++counts_[pairs_[i] >> shift]);
  }
  return most;
}

// Of the 5-grams whose bit was set before, each byte once.
int64_t RepeatSketch::repeated_bytes(const SpacedWords& words) {
  const auto hashes = words.hashes();
  const size_t bits = std::bit_ceil(std::max(hashes.size(), kLeastWords)) * kBitsPerWord;
  const int shift = 64 - std::countr_zero(bits / 64);
  seen_.assign(bits / 64, 0);
  int64_t bytes = 0, covered = 0;
  for (size_t i = 0; i + 5 <= hashes.size(); ++i) {
    const uint64_t hash = joined(joined(pairs_[i], pairs_[i + 2]), hashes[i + 4]);
    uint64_t& word = seen_[hash >> shift];
    const uint64_t bit = uint64_t{1} << (hash & 63);
    if ((word & bit) != 0) {
      bytes += words.end(i + 4) - std::max(covered, words.begin(i));
      covered = words.end(i + 4);
    }
    word |= bit;
  }
  return bytes;
}

}  // namespace weft::data
