// Substrings of a corpus that may become pieces of a unigram model: those that repeat, by a sorted
// list of all suffixes of its words. Not here: which of them stay (unigram_trainer.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/text_alphabet.h"
#include "text/word_counts.h"
#include "weft/parallel_for.h"

namespace weft::text {

// Counted words, cut at characters that the alphabet lacks.
class CoveredWords {
 public:
  CoveredWords(const WordCounts& words, const TextAlphabet& alphabet);

  struct Word {
    size_t begin;
    uint32_t size;  // in bytes
    int64_t count;
  };
  const std::vector<Word>& words() const { return words_; }
  std::string_view text(const Word& word) const {
    return std::string_view(bytes_).substr(word.begin, word.size);
  }
  size_t bytes() const { return bytes_.size(); }

 private:
  std::string bytes_;
  std::vector<Word> words_;
};

struct SeedOptions {
  size_t most_pieces = 1'000'000;
  int64_t min_frequency = 2;
  // Characters of words that are looked at; the most frequent words come first.
  size_t most_characters = size_t{64} << 20;
};

struct Seed {
  static constexpr int kMaxCharacters = 16;
  std::string text;  // at least two characters
  int64_t count;     // occurrences in the corpus
};

// The seeds with the highest count times length, in no order that matters. A substring that is
// always followed by the same character is left out for the longer one. Depends on words and
// options alone.
std::vector<Seed> find_seeds(const CoveredWords& words, const TextAlphabet& alphabet,
                             const SeedOptions& options, const ParallelFor& parallel);

}  // namespace weft::text
