// Learns merges of symbols from counted words (Sennrich et al., 2016, arXiv:1508.07909): the common
// part of byte-level BPE, BPE with byte fallback and WordPiece. Not here: what the symbols are
// (bpe_trainer.h, word_piece_trainer.h).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/pair_counts.h"

namespace weft::text {

struct MergeOptions {
  int32_t vocab_size = 32000;
  // Pairs that occur less often are not merged.
  int64_t min_frequency = 2;
  // What the tokens that go on with a word begin with ("##"); the right one of a pair loses it.
  std::string continuing_prefix = {};
  // Called now and then with the tokens there are; vocab_size is the goal.
  std::function<void(int64_t tokens)> progress = {};
};

// The most frequent pair is merged first, among equal ones that with the lower ids, as in Hugging
// Face's trainer. The result depends on words, their order and options alone.
class MergeLearner {
 public:
  // `vocab`: the tokens there are before any merge, by id.
  MergeLearner(std::vector<std::string> vocab, const MergeOptions& options);

  // A word of the corpus as symbols, by id. Throws Error beyond 2^32 different words.
  void add_word(std::span<const int32_t> symbols, int64_t count);
  // Merges until the vocabulary is full or no pair is left. Pairs whose token would be longer than
  // kMaxTokenBytes stay apart. Once.
  void run();

  const std::vector<std::string>& vocab() const { return vocab_; }
  // As they are written into a file: by tokens, in order.
  std::vector<std::pair<std::string, std::string>> merges() const;

 private:
  // A word as symbols_[begin, begin + size).
  struct Word {
    size_t begin;
    uint32_t size;
    int64_t count;
  };
  // A pair to be merged in the words at positions_[list].
  struct Candidate {
    int64_t count;
    SymbolPair pair;
    uint32_t number;  // of the pair
    uint32_t list;
    // Whether this one comes after the other: fewer first, then higher ids, then later ones.
    bool operator<(const Candidate& other) const {
      if (count != other.count) return count < other.count;
      return pair != other.pair ? pair > other.pair : list > other.list;
    }
  };
  using Positions = std::vector<uint32_t>;  // word numbers, each once

  void count_initial_pairs();
  void push(uint32_t number, Positions positions);
  std::string_view added_by(int32_t right) const;
  bool is_too_long(SymbolPair pair) const;
  int32_t merged_symbol(SymbolPair pair);
  void merge_everywhere(SymbolPair pair, int32_t merged, const Positions& positions);
  void merge_in_word(uint32_t word, SymbolPair pair, int32_t merged);
  void lose(int32_t left, int32_t right, int64_t count);
  void gain(int32_t left, int32_t right, int64_t count, uint32_t word);

  MergeOptions options_;
  std::vector<std::string> vocab_;
  std::unordered_map<std::string, int32_t> ids_;
  std::vector<int32_t> symbols_;
  std::vector<Word> words_;
  PairCounts pairs_;
  std::vector<Candidate> queue_;      // a heap
  std::vector<Positions> positions_;  // of candidates
  // Of the merge at work: where pairs came up.
  std::vector<Positions> fresh_;
  std::vector<uint32_t> came_up_;   // numbers of the pairs, in order; of each fresh_ list
  std::vector<uint32_t> fresh_of_;  // by pair number: index of its list + 1, or 0
  std::vector<SymbolPair> merges_;
};

}  // namespace weft::text
