// How often each word occurs in a corpus: what a byte-pair encoding is learned from. Not here: the
// learning (bpe_trainer.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/word_splitter.h"
#include "weft/parallel_for.h"

namespace weft::text {

// Memory grows with the number of different words only. One thread at a time.
class WordCounts {
 public:
  explicit WordCounts(WordRule rule = WordRule::kGpt2);

  // Counts the words of a text. Words do not reach from one text into the next.
  void add(std::string_view text);
  // Counts the words of many texts on all threads; the result does not depend on their number.
  void add(std::span<const std::string_view> texts, const ParallelFor& parallel);
  void add(const WordCounts& other);

  WordRule rule() const { return rule_; }
  size_t size() const { return words_.size(); }
  std::string_view word(size_t i) const {
    return std::string_view(bytes_).substr(words_[i].begin, words_[i].size);
  }
  int64_t count(size_t i) const { return words_[i].count; }
  // Indices of the words in the order of their bytes: one order, however they were counted.
  std::vector<size_t> sorted() const;

 private:
  struct Word {
    size_t begin, size;
    uint64_t hash;
    int64_t count;
  };
  void add_word(std::string_view word, int64_t count);
  void grow();

  WordRule rule_;
  std::string bytes_;  // of all words, one after the other
  std::vector<Word> words_;
  std::vector<uint32_t> slots_;  // index + 1 into words_, by hash; 0 is free
};

}  // namespace weft::text
