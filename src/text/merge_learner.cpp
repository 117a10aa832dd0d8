// Learning merges (merge_learner.h): a queue of pairs by count whose entries are brought up to date
// when they come to its head.
#include "text/merge_learner.h"

#include <algorithm>

#include "text/tokenizer_document.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr int64_t kProgressEvery = 256;

}  // namespace

MergeLearner::MergeLearner(std::vector<std::string> vocab, const MergeOptions& options)
    : options_(options), vocab_(std::move(vocab)) {
  for (size_t id = 0; id < vocab_.size(); ++id) ids_.emplace(vocab_[id], static_cast<int32_t>(id));
}

void MergeLearner::add_word(std::span<const int32_t> symbols, int64_t count) {
  if (words_.size() >= UINT32_MAX - 1) throw Error("the corpus has more than 2^32 different words");
  words_.push_back({symbols_.size(), static_cast<uint32_t>(symbols.size()), count});
  symbols_.insert(symbols_.end(), symbols.begin(), symbols.end());
}

void MergeLearner::count_initial_pairs() {
  std::vector<Positions> where;
  for (uint32_t w = 0; w < words_.size(); ++w) {
    const Word& word = words_[w];
    for (size_t i = word.begin; i + 1 < word.begin + word.size; ++i) {
      const uint32_t number = pairs_.number_of(pair_of(symbols_[i], symbols_[i + 1]));
      if (number == where.size()) where.emplace_back();
      pairs_.count(number) += word.count;
      if (where[number].empty() || where[number].back() != w) where[number].push_back(w);
    }
  }
  for (uint32_t number = 0; number < where.size(); ++number) push(number, std::move(where[number]));
}

void MergeLearner::push(uint32_t number, Positions positions) {
  queue_.push_back({pairs_.count(number), pairs_.pair(number), number,
                    static_cast<uint32_t>(positions_.size())});
  positions_.push_back(std::move(positions));
  std::push_heap(queue_.begin(), queue_.end());
}

void MergeLearner::run() {
  count_initial_pairs();
  while (static_cast<int64_t>(vocab_.size()) < options_.vocab_size && !queue_.empty()) {
    std::pop_heap(queue_.begin(), queue_.end());
    Candidate best = queue_.back();
    queue_.pop_back();
    const int64_t count = pairs_.count(best.number);
    if (count != best.count) {
      best.count = count;
      queue_.push_back(best);
      std::push_heap(queue_.begin(), queue_.end());
      continue;
    }
    if (count < std::max<int64_t>(options_.min_frequency, 1)) return;
    const Positions positions = std::exchange(positions_[best.list], {});
    if (is_too_long(best.pair)) continue;
    merges_.push_back(best.pair);
    merge_everywhere(best.pair, merged_symbol(best.pair), positions);
    const auto tokens = static_cast<int64_t>(vocab_.size());
    if (options_.progress && tokens % kProgressEvery == 0) options_.progress(tokens);
  }
}

// What the right one of a pair adds to the left one.
std::string_view MergeLearner::added_by(int32_t right) const {
  std::string_view text = vocab_[static_cast<size_t>(right)];
  if (text.starts_with(options_.continuing_prefix))
    text.remove_prefix(options_.continuing_prefix.size());
  return text;
}

// The merged token would be one that no vocabulary takes.
bool MergeLearner::is_too_long(SymbolPair pair) const {
  const size_t left = vocab_[static_cast<size_t>(left_of(pair))].size();
  return left + added_by(right_of(pair)).size() > kMaxTokenBytes;
}

// The token of a merged pair; two pairs may make the same token.
int32_t MergeLearner::merged_symbol(SymbolPair pair) {
  const std::string& left = vocab_[static_cast<size_t>(left_of(pair))];
  const std::string_view right = added_by(right_of(pair));
  std::string token = left + std::string(right);
  const auto id = static_cast<int32_t>(vocab_.size());
  const auto [known, fresh] = ids_.emplace(token, id);
  if (fresh) vocab_.push_back(std::move(token));
  return known->second;
}

void MergeLearner::merge_everywhere(SymbolPair pair, int32_t merged, const Positions& positions) {
  for (const uint32_t word : positions) merge_in_word(word, pair, merged);
  // A pair whose token was there before may be queued already; it is then queued once more, for its
  // new places, as Hugging Face's trainer does it.
  for (size_t i = 0; i < came_up_.size(); ++i) {
    const uint32_t number = came_up_[i];
    fresh_of_[number] = 0;
    if (pairs_.count(number) > 0) push(number, fresh_[i]);
    fresh_[i].clear();
  }
  came_up_.clear();
}

// Merges from left to right, in place. Counts change for the pairs on both sides; that of the
// merged pair itself is not needed any more.
void MergeLearner::merge_in_word(uint32_t number, SymbolPair pair, int32_t merged) {
  Word& word = words_[number];
  int32_t* const symbols = symbols_.data() + word.begin;
  const int32_t left = left_of(pair), right = right_of(pair);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < word.size; ++i, ++kept) {
    if (symbols[i] != left || i + 1 == word.size || symbols[i + 1] != right) {
      symbols[kept] = symbols[i];
      continue;
    }
    if (kept > 0) {
      lose(symbols[kept - 1], left, word.count);
      gain(symbols[kept - 1], merged, word.count, number);
    }
    if (i + 2 < word.size) {
      lose(right, symbols[i + 2], word.count);
      gain(merged, symbols[i + 2], word.count, number);
    }
    symbols[kept] = merged;
    ++i;
  }
  word.size = kept;
}

void MergeLearner::lose(int32_t left, int32_t right, int64_t count) {
  pairs_.count(pairs_.number_of(pair_of(left, right))) -= count;
}

void MergeLearner::gain(int32_t left, int32_t right, int64_t count, uint32_t word) {
  const uint32_t number = pairs_.number_of(pair_of(left, right));
  pairs_.count(number) += count;
  if (fresh_of_.size() <= number) fresh_of_.resize(pairs_.size() + pairs_.size() / 2);
  uint32_t& list = fresh_of_[number];
  if (list == 0) {
    came_up_.push_back(number);
    list = static_cast<uint32_t>(came_up_.size());
    if (fresh_.size() < list) fresh_.emplace_back();
  }
  Positions& where = fresh_[list - 1];
  if (where.empty() || where.back() != word) where.push_back(word);
}

std::vector<std::pair<std::string, std::string>> MergeLearner::merges() const {
  // A pair that was merged twice counts where it was merged last.
  std::unordered_map<SymbolPair, size_t> last;
  for (size_t i = 0; i < merges_.size(); ++i) last[merges_[i]] = i;
  std::vector<std::pair<std::string, std::string>> result;
  for (size_t i = 0; i < merges_.size(); ++i) {
    if (last.at(merges_[i]) != i) continue;
    result.emplace_back(vocab_[static_cast<size_t>(left_of(merges_[i]))],
                        vocab_[static_cast<size_t>(right_of(merges_[i]))]);
  }
  return result;
}

}  // namespace weft::text
