// MinHash signatures: two texts share each value with a probability equal to the Jaccard similarity
// of their sets of shingles (Broder 1997). Which texts are compared is near_duplicates.cpp's.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace weft::data {

struct MinHashOptions {
  int64_t values = 160;
  int64_t shingle_words = 5;  // words.h; a text of fewer words is one shingle
};

// Fills `signature`; leaves it empty for a text without words.
//
// One hash a shingle, thrown into a few of the values, each of which keeps its least (one
// permutation hashing, Li, Owen and Zhang 2012, with four throws): the least of a value is a
// uniformly chosen shingle of the union of two texts, as with a hash function for each value, in a
// fortieth of the time. Values that stay empty are copied from others (Shrivastava 2017).
void min_hash(std::string_view text, const MinHashOptions& options,
              std::vector<uint32_t>& signature);

}  // namespace weft::data
