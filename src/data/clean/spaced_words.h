// The words of a text between its white space, with hashes and places, in memory that is used
// again: what rules about n-grams look at.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "data/clean/lines.h"
#include "data/clean/word_hash.h"

namespace weft::data {

// Of words that are equal, the same; of others nearly always another. For tables that mix it again:
// less well mixed than word_hash(), in half of the time. Bytes up to `readable_end` may be read.
inline uint64_t quick_word_hash(std::string_view word, const char* readable_end) {
  uint64_t hash = word.size() * kSpread;
  const char* bytes = word.data();
  size_t left = word.size();
  for (; left > 8; left -= 8, bytes += 8) {
    hash = (hash ^ packed_bytes(bytes, 8)) * kSpread;
    hash ^= hash >> 32;
  }
  uint64_t rest = 0;
  if (readable_end - bytes >= 8) rest = packed_bytes(bytes, 8) & ~uint64_t{0} >> (64 - 8 * left);
  else std::memcpy(&rest, bytes, left);
  hash = (hash ^ rest) * kSpread;
  return hash ^ hash >> 32;
}

class SpacedWords {
 public:
  // Of at most 4 GiB.
  void split(std::string_view text) {
    const size_t most = text.size() / 2 + 1;
    if (most > hashes_.size()) {
      hashes_.resize(most);
      begins_.resize(most);
      ends_.resize(most);
    }
    const char* const end = text.data() + text.size();
    size_ = 0;
    for_each_spaced_word(text, [&](std::string_view word) {
      const auto begin = static_cast<uint32_t>(word.data() - text.data());
      hashes_[size_] = quick_word_hash(word, end);
      begins_[size_] = begin;
      ends_[size_] = begin + static_cast<uint32_t>(word.size());
      ++size_;
    });
  }
  size_t size() const { return size_; }
  std::span<const uint64_t> hashes() const { return std::span(hashes_).first(size_); }
  // Bytes from the beginning of word `first` to the end of the last of `count` words.
  int64_t length(size_t first, size_t count) const {
    return int64_t{ends_[first + count - 1]} - begins_[first];
  }
  int64_t begin(size_t word) const { return begins_[word]; }
  int64_t end(size_t word) const { return ends_[word]; }
  // Of all n-grams; 0 if there is none.
  int64_t longest_ngram(size_t n) const {
    int64_t longest = 0;
    for (size_t i = 0; i + n <= size_; ++i) longest = std::max(longest, length(i, n));
    return longest;
  }

 private:
  size_t size_ = 0;  // of the vectors, which only grow, these are in use
  std::vector<uint64_t> hashes_;
  std::vector<uint32_t> begins_, ends_;
};

}  // namespace weft::data
