// Learning merges (bpe_trainer.h): a queue of pairs by count whose entries are brought up to date
// when they come to its head.
#include "text/bpe_trainer.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/quote.h"
#include "text/byte_alphabet.h"
#include "text/json_tokenizer.h"
#include "text/pair_counts.h"
#include "text/tokenizer_document.h"
#include "text/tokenizer_writer.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr int64_t kProgressEvery = 256;

void check_options(const WordCounts& words, const BpeTrainOptions& options) {
  const auto least = static_cast<int64_t>(256 + options.special_tokens.size());
  if (options.vocab_size < least || options.vocab_size > static_cast<int64_t>(kMaxVocabulary)) {
    throw Error("vocab_size is " + std::to_string(options.vocab_size) + "; it must be from " +
                std::to_string(least) + " (256 bytes and the special tokens) to " +
                std::to_string(kMaxVocabulary));
  }
  std::set<std::string_view> names;
  for (const std::string& token : options.special_tokens) {
    if (token.empty() || !names.insert(token).second) {
      throw Error("special_tokens: " + quote(token) +
                  (token.empty() ? " is empty" : " is there twice"));
    }
    for (uint32_t byte = 0; byte < 256; ++byte) {
      if (token == letter_of_byte(static_cast<uint8_t>(byte))) {
        throw Error("special_tokens: " + quote(token) +
                    " is the token of a byte; use a longer name");
      }
    }
  }
  if (words.size() == 0) throw Error("the corpus to train a tokenizer on has no text");
}

class Trainer {
 public:
  Trainer(const WordCounts& words, const BpeTrainOptions& options);

  void run();
  std::vector<std::string> take_vocab() { return std::move(vocab_); }
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
    size_t list;
    // Whether this one comes after the other: fewer first, then higher ids, then later ones.
    bool operator<(const Candidate& other) const {
      if (count != other.count) return count < other.count;
      return pair != other.pair ? pair > other.pair : list > other.list;
    }
  };
  using Positions = std::vector<uint32_t>;  // word numbers, each once

  void add_symbol(std::string token);
  void add_words(const WordCounts& words);
  void count_initial_pairs();
  void push(SymbolPair pair, int64_t count, Positions positions);
  int32_t merged_symbol(SymbolPair pair);
  void merge_everywhere(SymbolPair pair, int32_t merged, const Positions& positions);
  void merge_in_word(uint32_t word, SymbolPair pair, int32_t merged);
  void add_occurrences(int32_t left, int32_t right, int64_t change, uint32_t word);

  const BpeTrainOptions& options_;
  std::vector<std::string> vocab_;
  std::unordered_map<std::string, int32_t> ids_;
  std::vector<int32_t> symbols_;
  std::vector<Word> words_;
  PairCounts pairs_;
  std::vector<Candidate> queue_;                         // a heap
  std::vector<Positions> positions_;                     // of candidates
  std::unordered_map<uint32_t, Positions> occurrences_;  // by pair number: where pairs came up
  std::vector<uint32_t> came_up_;                        // keys of occurrences_, in order
  std::vector<SymbolPair> merges_;
};

Trainer::Trainer(const WordCounts& words, const BpeTrainOptions& options) : options_(options) {
  for (const std::string& token : options.special_tokens) add_symbol(token);
  // The bytes in the order of their letters' code points, as Hugging Face's trainer has them.
  std::vector<std::string> letters;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    letters.emplace_back(letter_of_byte(static_cast<uint8_t>(byte)));
  }
  std::ranges::sort(letters);  // UTF-8 keeps the order of code points
  for (std::string& letter : letters) add_symbol(std::move(letter));
  add_words(words);
  count_initial_pairs();
}

void Trainer::add_symbol(std::string token) {
  ids_.emplace(token, static_cast<int32_t>(vocab_.size()));
  vocab_.push_back(std::move(token));
}

void Trainer::add_words(const WordCounts& words) {
  for (const size_t i : words.sorted()) {
    const std::string_view text = words.word(i);
    if (text.size() > UINT32_MAX) throw Error("the corpus has a word of more than 4 GiB");
    words_.push_back({symbols_.size(), static_cast<uint32_t>(text.size()), words.count(i)});
    for (const char c : text) {
      symbols_.push_back(ids_.at(std::string(letter_of_byte(static_cast<uint8_t>(c)))));
    }
  }
}

void Trainer::count_initial_pairs() {
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
  for (uint32_t number = 0; number < where.size(); ++number) {
    push(pairs_.pair(number), pairs_.count(number), std::move(where[number]));
  }
}

void Trainer::push(SymbolPair pair, int64_t count, Positions positions) {
  queue_.push_back({count, pair, positions_.size()});
  positions_.push_back(std::move(positions));
  std::push_heap(queue_.begin(), queue_.end());
}

void Trainer::run() {
  while (static_cast<int64_t>(vocab_.size()) < options_.vocab_size && !queue_.empty()) {
    std::pop_heap(queue_.begin(), queue_.end());
    Candidate best = queue_.back();
    queue_.pop_back();
    const int64_t count = pairs_.count(pairs_.number_of(best.pair));
    if (count != best.count) {
      best.count = count;
      queue_.push_back(best);
      std::push_heap(queue_.begin(), queue_.end());
      continue;
    }
    if (count < std::max<int64_t>(options_.min_frequency, 1)) return;
    const Positions positions = std::exchange(positions_[best.list], {});
    merges_.push_back(best.pair);
    merge_everywhere(best.pair, merged_symbol(best.pair), positions);
    const auto tokens = static_cast<int64_t>(vocab_.size());
    if (options_.progress && tokens % kProgressEvery == 0) options_.progress(tokens);
  }
}

// The token of a merged pair; two pairs may make the same token.
int32_t Trainer::merged_symbol(SymbolPair pair) {
  std::string token =
      vocab_[static_cast<size_t>(left_of(pair))] + vocab_[static_cast<size_t>(right_of(pair))];
  const auto known = ids_.find(token);
  if (known != ids_.end()) return known->second;
  const auto id = static_cast<int32_t>(vocab_.size());
  add_symbol(std::move(token));
  return id;
}

void Trainer::merge_everywhere(SymbolPair pair, int32_t merged, const Positions& positions) {
  for (const uint32_t word : positions) merge_in_word(word, pair, merged);
  // A pair whose token was there before may be queued already; it is then queued once more, for its
  // new places, as Hugging Face's trainer does it.
  for (const uint32_t number : came_up_) {
    Positions& where = occurrences_[number];
    if (pairs_.count(number) > 0) push(pairs_.pair(number), pairs_.count(number), std::move(where));
  }
  occurrences_.clear();
  came_up_.clear();
}

// Merges from left to right, in place. Counts change for the pairs on both sides; that of the
// merged pair itself is not needed any more.
void Trainer::merge_in_word(uint32_t number, SymbolPair pair, int32_t merged) {
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
      add_occurrences(symbols[kept - 1], left, -word.count, number);
      add_occurrences(symbols[kept - 1], merged, word.count, number);
    }
    if (i + 2 < word.size) {
      add_occurrences(right, symbols[i + 2], -word.count, number);
      add_occurrences(merged, symbols[i + 2], word.count, number);
    }
    symbols[kept] = merged;
    ++i;
  }
  word.size = kept;
}

void Trainer::add_occurrences(int32_t left, int32_t right, int64_t change, uint32_t word) {
  const uint32_t number = pairs_.number_of(pair_of(left, right));
  pairs_.count(number) += change;
  if (change < 0) return;
  const auto [it, fresh] = occurrences_.try_emplace(number);
  if (fresh) came_up_.push_back(number);
  if (it->second.empty() || it->second.back() != word) it->second.push_back(word);
}

std::vector<std::pair<std::string, std::string>> Trainer::merges() const {
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

// The component that cuts words as they were cut for training.
OrderedJson pre_tokenizer_for(WordRule rule) {
  if (rule == WordRule::kGpt2) return byte_level_component(false, true, true);
  const OrderedJson split = {{"type", "Split"},
                             {"pattern", {{"Regex", std::string(expression_of(rule))}}},
                             {"behavior", "Isolated"},
                             {"invert", false}};
  return {{"type", "Sequence"},
          {"pretokenizers", OrderedJson::array({split, byte_level_component(false, true, false)})}};
}

}  // namespace

std::unique_ptr<const Tokenizer> train_bpe(const WordCounts& words,
                                           const BpeTrainOptions& options) {
  check_options(words, options);
  Trainer trainer(words, options);
  trainer.run();
  BpeDescription description;
  description.merges = trainer.merges();
  description.vocab = trainer.take_vocab();
  for (size_t id = 0; id < options.special_tokens.size(); ++id) {
    description.added.push_back(
        special_token(static_cast<int32_t>(id), options.special_tokens[id]));
  }
  description.pre_tokenizer = pre_tokenizer_for(words.rule());
  description.post_processor = byte_level_component(true, false, true);
  description.decoder = byte_level_component(true, true, true);
  TokenizerSource source;
  source.content = write_tokenizer_json(description);
  source.origin = "the trained tokenizer";
  source.special.emplace();
  if (!options.special_tokens.empty()) source.special->eos = 0;
  return JsonTokenizer::make(std::move(source));
}

}  // namespace weft::text
