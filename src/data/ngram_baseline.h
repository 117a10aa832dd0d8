// Unigram and bigram models of the same tokens that a transformer is trained on: the losses that it
// has to beat. They are counts, not networks.
#pragma once

#include <cstdint>
#include <vector>

#include "data/token_stream.h"

namespace weft::data {

struct NgramOptions {
  // Distinct bigrams that are counted; each takes 32 to 64 bytes. Once that many are known, further
  // ones are counted as dropped and left to the unigram model.
  int64_t max_bigrams = int64_t{1} << 23;
};

// Counts of tokens and of pairs of neighbouring tokens. V is the vocabulary's size, N the number of
// tokens, c counts, T(v) the number of distinct tokens seen after v.
//
//   p(w)     = (c(w) + 1) / (N + V)                              (add one)
//   p(w | v) = (c(v, w) + T(v) p(w)) / (c(v) + T(v))             (Witten and Bell, "The
//   zero-frequency
//              problem", IEEE Transactions on Information Theory 37(4), 1991, interpolated)
//
// Nothing in them is tuned, so that they need no held-out text.
class NgramModel {
 public:
  // Reads `stream` once, in one thread.
  explicit NgramModel(const TokenStream& stream, const NgramOptions& options = {});

  double probability(int32_t token) const;
  double probability(int32_t previous, int32_t token) const;
  int64_t vocab_size() const { return static_cast<int64_t>(token_counts_.size()); }
  int64_t bigrams() const { return used_; }           // distinct, counted
  int64_t dropped_pairs() const { return dropped_; }  // neighbours that found no room

 private:
  struct Entry {
    uint64_t key = 0;  // 0 is a free place
    int64_t count = 0;
  };
  static uint64_t key_of(int32_t previous, int32_t token);
  size_t place_of(uint64_t key) const;
  void count_pair(int32_t previous, int32_t token);
  void grow();

  int64_t max_bigrams_;
  std::vector<int64_t> token_counts_;    // c(w), [V]
  std::vector<int64_t> context_counts_;  // c(v): counted pairs that v begins, [V]
  std::vector<int64_t> distinct_;        // T(v), [V]
  std::vector<Entry> table_;             // open addressing, linear probing
  int64_t tokens_ = 0;
  int64_t used_ = 0;
  int64_t dropped_ = 0;
};

// Nats per token over every token of a stream but the first, which no model of pairs can predict:
// the tokens that evaluation counts too.
struct NgramLosses {
  double unigram = 0;
  double bigram = 0;
  int64_t tokens = 0;
};
// Throws Error if `stream` has fewer than two tokens or another vocabulary.
NgramLosses evaluate(const NgramModel& model, const TokenStream& stream);

}  // namespace weft::data
