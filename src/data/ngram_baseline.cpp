// Counting and evaluating n-grams.
#include "data/ngram_baseline.h"

#include <algorithm>
#include <cmath>

namespace weft::data {
namespace {

constexpr int64_t kChunkTokens = 1 << 16;

// Calls body(token) for every token of the stream, in order.
template <class Body>
void for_each_token(const TokenStream& stream, Body body) {
  std::vector<int32_t> chunk(static_cast<size_t>(std::min(kChunkTokens, stream.tokens())));
  for (int64_t begin = 0; begin < stream.tokens(); begin += kChunkTokens) {
    const int64_t count = std::min(kChunkTokens, stream.tokens() - begin);
    const auto part = std::span(chunk).first(static_cast<size_t>(count));
    stream.read(begin, part);
    for (const int32_t token : part) body(token);
  }
}

// Finalizer of splitmix64: neighbouring keys land far apart.
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

size_t as_index(int32_t token) {
  return static_cast<size_t>(token);
}

}  // namespace

NgramModel::NgramModel(const TokenStream& stream, const NgramOptions& options)
    : max_bigrams_(options.max_bigrams),
      token_counts_(as_index(stream.vocab_size())),
      context_counts_(as_index(stream.vocab_size())),
      distinct_(as_index(stream.vocab_size())),
      table_(1024) {
  int32_t previous = -1;
  for_each_token(stream, [&](int32_t token) {
    ++token_counts_[as_index(token)];
    ++tokens_;
    if (previous >= 0) count_pair(previous, token);
    previous = token;
  });
}

uint64_t NgramModel::key_of(int32_t previous, int32_t token) {
  return ((static_cast<uint64_t>(previous) << 32) | static_cast<uint64_t>(token)) + 1;
}

size_t NgramModel::place_of(uint64_t key) const {
  const size_t mask = table_.size() - 1;
  size_t place = mix(key) & mask;
  while (table_[place].key != 0 && table_[place].key != key) place = (place + 1) & mask;
  return place;
}

void NgramModel::count_pair(int32_t previous, int32_t token) {
  const uint64_t key = key_of(previous, token);
  size_t place = place_of(key);
  if (table_[place].key == 0) {
    if (used_ == max_bigrams_) {
      ++dropped_;
      return;
    }
    if (2 * (used_ + 1) > static_cast<int64_t>(table_.size())) {
      grow();
      place = place_of(key);
    }
    table_[place].key = key;
    ++used_;
    ++distinct_[as_index(previous)];
  }
  ++table_[place].count;
  ++context_counts_[as_index(previous)];
}

void NgramModel::grow() {
  std::vector<Entry> old(2 * table_.size());
  old.swap(table_);
  for (const Entry& entry : old)
    if (entry.key != 0) table_[place_of(entry.key)] = entry;
}

double NgramModel::probability(int32_t token) const {
  return static_cast<double>(token_counts_[as_index(token)] + 1) /
         (static_cast<double>(tokens_) + static_cast<double>(token_counts_.size()));
}

double NgramModel::probability(int32_t previous, int32_t token) const {
  const double context = static_cast<double>(context_counts_[as_index(previous)]);
  if (context == 0) return probability(token);
  const double distinct = static_cast<double>(distinct_[as_index(previous)]);
  const double count = static_cast<double>(table_[place_of(key_of(previous, token))].count);
  return (count + distinct * probability(token)) / (context + distinct);
}

NgramLosses evaluate(const NgramModel& model, const TokenStream& stream) {
  if (stream.tokens() < 2)
    throw Error("the " + stream.name() + " holds " + std::to_string(stream.tokens()) +
                " tokens, an evaluation needs 2; give more text or a larger val_split");
  if (stream.vocab_size() != model.vocab_size())
    throw Error("the " + stream.name() + " has a vocabulary of " +
                std::to_string(stream.vocab_size()) + " tokens, the n-gram model one of " +
                std::to_string(model.vocab_size()) + "; count and evaluate the same tokenizer's");
  NgramLosses losses;
  int32_t previous = -1;
  for_each_token(stream, [&](int32_t token) {
    if (previous >= 0) {
      losses.unigram -= std::log(model.probability(token));
      losses.bigram -= std::log(model.probability(previous, token));
      ++losses.tokens;
    }
    previous = token;
  });
  losses.unigram /= static_cast<double>(losses.tokens);
  losses.bigram /= static_cast<double>(losses.tokens);
  return losses;
}

}  // namespace weft::data
