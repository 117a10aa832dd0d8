// Upper bounds for how much a text repeats its n-grams, from counters that n-grams share: most
// texts are so far within every rule that these say it, in a fraction of the time of exact counts.
#pragma once

#include <cstdint>
#include <vector>

#include "data/clean/spaced_words.h"

namespace weft::data {

struct RepeatBounds {
  int64_t pair_count = 0;  // no 2-gram, and so no longer n-gram, stands there more often
  // No more bytes are within n-grams of 5 words or more that stood there before. (Each is covered
  // by 5-grams that did.)
  int64_t repeated_bytes = 0;
};

// One thread.
class RepeatSketch {
 public:
  static constexpr size_t kMostWords = UINT16_MAX;
  // Of at most kMostWords words.
  RepeatBounds bounds(const SpacedWords& words);

 private:
  int64_t count_pairs(const SpacedWords& words);
  int64_t repeated_bytes(const SpacedWords& words);

  std::vector<uint64_t> pairs_;   // hashes of the 2-grams
  std::vector<uint16_t> counts_;  // of 2-grams, by some bits of their hash
  std::vector<uint64_t> seen_;    // a bit for some bits of the hash of each 5-gram
};

}  // namespace weft::data
