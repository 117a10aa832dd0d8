// How often each word occurs in a corpus: what all tokenizers are learned from. Not here: what a
// word is (word_cutter.h), the learning.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/word_cutter.h"
#include "weft/parallel_for.h"

namespace weft::text {

// Memory grows with the number of different words, up to a limit: then the rarest are forgotten.
// One thread at a time.
class WordCounts {
 public:
  // About 1.2 GB in counting and learning.
  static constexpr size_t kUsualLimit = size_t{512} << 20;
  // What a word costs of the limit beside its bytes.
  static constexpr size_t kWordCost = 32;

  explicit WordCounts(WordRule rule = WordRule::kGpt2);
  // `limit`: bytes of words, and kWordCost for each.
  explicit WordCounts(std::shared_ptr<const WordCutter> cutter, size_t limit = kUsualLimit);

  // Counts the words of a text. Words do not reach from one text into the next.
  void add(std::string_view text);
  // Counts the words of many texts on all threads, then keeps within the limit. The result depends
  // on what was given from call to call, but not on the number of threads.
  void add(std::span<const std::string_view> texts, const ParallelFor& parallel);
  void add(const WordCounts& other);

  const WordCutter& cutter() const { return *cutter_; }
  size_t size() const { return words_.size(); }
  std::string_view word(size_t i) const {
    return std::string_view(bytes_).substr(words_[i].begin, words_[i].size);
  }
  int64_t count(size_t i) const { return words_[i].count; }
  // Indices of the words in the order of their bytes: one order, however they were counted.
  std::vector<size_t> sorted() const;
  // Occurrences of words that were forgotten, in all.
  int64_t forgotten() const { return forgotten_; }

 private:
  struct Word {
    size_t begin;
    uint32_t size;
    uint32_t hash;  // the high half; the low half finds the slot
    int64_t count;
  };
  void add_words_by_rule(std::string_view text, WordRule rule);
  void add_word(std::string_view word, int64_t count);
  void grow();
  void keep_within_limit();
  void forget(int64_t most);
  size_t cost() const { return bytes_.size() + kWordCost * words_.size(); }

  std::shared_ptr<const WordCutter> cutter_;
  size_t limit_;
  int64_t forgotten_ = 0;
  std::string bytes_;  // of all words, one after the other
  std::vector<Word> words_;
  std::vector<uint32_t> slots_;  // index + 1 into words_, by hash; 0 is free
  WordCutter::Scratch scratch_;
};

}  // namespace weft::text
