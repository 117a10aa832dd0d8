// Counting words (word_counts.h).
#include "text/word_counts.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <utility>

#include "weft/error.h"

namespace weft::text {
namespace {

// Texts that a worker counts at a time have about so many bytes.
constexpr size_t kGroupBytes = 256 << 10;

// Where groups of texts end. Depends on the texts alone.
std::vector<size_t> groups_of(std::span<const std::string_view> texts) {
  std::vector<size_t> ends;
  size_t bytes = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    bytes += texts[i].size();
    if (bytes < kGroupBytes && i + 1 < texts.size()) continue;
    ends.push_back(i + 1);
    bytes = 0;
  }
  return ends;
}

uint64_t hash_of(std::string_view word) {
  return XXH3_64bits(word.data(), word.size());
}

}  // namespace

WordCounts::WordCounts(WordRule rule) : WordCounts(std::make_shared<const WordCutter>(rule)) {}

WordCounts::WordCounts(std::shared_ptr<const WordCutter> cutter, size_t limit)
    : cutter_(std::move(cutter)), limit_(limit), slots_(1 << 12) {}

void WordCounts::add(std::string_view text) {
  if (const auto rule = cutter_->rule()) return add_words_by_rule(text, *rule);
  cutter_->cut(text, scratch_);
  for (size_t i = 0; i < scratch_.cut.ranges.size(); ++i) add_word(scratch_.cut.word(i), 1);
}

void WordCounts::add_words_by_rule(std::string_view text, WordRule rule) {
  std::array<size_t, 256> ends;
  for (size_t begin = 0; begin < text.size();) {
    const size_t n = cut_words(rule, text, begin, ends);
    for (size_t i = 0; i < n; ++i) {
      add_word(text.substr(begin, ends[i] - begin), 1);
      begin = ends[i];
    }
  }
}

void WordCounts::add(std::span<const std::string_view> texts, const ParallelFor& parallel) {
  const std::vector<size_t> ends = groups_of(texts);
  std::vector<WordCounts> parts(static_cast<size_t>(parallel.threads()), WordCounts(cutter_));
  std::mutex mutex;
  std::exception_ptr error;
  parallel(static_cast<int64_t>(ends.size()), [&](int64_t group, int worker) {
    const auto g = static_cast<size_t>(group);
    try {
      for (size_t i = g == 0 ? 0 : ends[g - 1]; i < ends[g]; ++i)
        parts[static_cast<size_t>(worker)].add(texts[i]);
    } catch (...) {
      const std::lock_guard lock(mutex);
      error = std::current_exception();
    }
  });
  if (error != nullptr) std::rethrow_exception(error);
  for (const WordCounts& part : parts) add(part);
  keep_within_limit();
}

void WordCounts::add(const WordCounts& other) {
  WEFT_ASSERT(cutter_ == other.cutter_ || cutter_->rule() == other.cutter_->rule());
  for (size_t i = 0; i < other.size(); ++i) add_word(other.word(i), other.count(i));
}

void WordCounts::add_word(std::string_view text, int64_t count) {
  const uint64_t hash = hash_of(text);
  const auto tag = static_cast<uint32_t>(hash >> 32);
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    Word& known = words_[slots_[slot] - 1];
    if (known.hash != tag || word(slots_[slot] - 1) != text) continue;
    known.count += count;
    return;
  }
  if (words_.size() >= UINT32_MAX - 1) throw Error("the corpus has more than 2^32 different words");
  if (text.size() > UINT32_MAX) throw Error("the corpus has a word of more than 4 GiB");
  words_.push_back({bytes_.size(), static_cast<uint32_t>(text.size()), tag, count});
  bytes_ += text;
  slots_[slot] = static_cast<uint32_t>(words_.size());
  if (2 * words_.size() > slots_.size()) grow();
}

void WordCounts::grow() {
  slots_.assign(4 * slots_.size(), 0);
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < words_.size(); ++i) {
    size_t slot = hash_of(word(i)) & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
}

// Forgets the rarest words, until half of the limit is free.
void WordCounts::keep_within_limit() {
  if (cost() <= limit_) return;
  std::map<int64_t, size_t> cost_of;  // by count
  for (const Word& word : words_) cost_of[word.count] += word.size + kWordCost;
  size_t left = cost();
  for (const auto& [count, bytes] : cost_of) {
    left -= bytes;
    if (left <= limit_ / 2) return forget(count);
  }
}

void WordCounts::forget(int64_t most) {
  WordCounts kept(cutter_, limit_);
  for (size_t i = 0; i < size(); ++i) {
    if (count(i) > most) {
      kept.add_word(word(i), count(i));
    } else {
      forgotten_ += count(i);
    }
  }
  bytes_ = std::move(kept.bytes_);
  words_ = std::move(kept.words_);
  slots_ = std::move(kept.slots_);
}

std::vector<size_t> WordCounts::sorted() const {
  std::vector<size_t> order(words_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [this](size_t i) { return word(i); });
  return order;
}

}  // namespace weft::text
