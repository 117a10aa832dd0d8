// Counting words (word_counts.h).
#include "text/word_counts.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "weft/error.h"

namespace weft::text {

WordCounts::WordCounts(WordRule rule) : rule_(rule), slots_(1 << 12) {}

void WordCounts::add(std::string_view text) {
  std::array<size_t, 256> ends;
  for (size_t begin = 0; begin < text.size();) {
    const size_t n = cut_words(rule_, text, begin, ends);
    for (size_t i = 0; i < n; ++i) {
      add_word(text.substr(begin, ends[i] - begin), 1);
      begin = ends[i];
    }
  }
}

void WordCounts::add(std::span<const std::string_view> texts, const ParallelFor& parallel) {
  std::vector<WordCounts> parts(static_cast<size_t>(parallel.threads()), WordCounts(rule_));
  parallel(static_cast<int64_t>(texts.size()), [&](int64_t text, int worker) {
    parts[static_cast<size_t>(worker)].add(texts[static_cast<size_t>(text)]);
  });
  for (const WordCounts& part : parts) add(part);
}

void WordCounts::add(const WordCounts& other) {
  WEFT_ASSERT(rule_ == other.rule_);
  for (size_t i = 0; i < other.size(); ++i) add_word(other.word(i), other.count(i));
}

void WordCounts::add_word(std::string_view text, int64_t count) {
  const uint64_t hash = XXH3_64bits(text.data(), text.size());
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    Word& known = words_[slots_[slot] - 1];
    if (known.hash != hash || word(slots_[slot] - 1) != text) continue;
    known.count += count;
    return;
  }
  if (words_.size() >= UINT32_MAX - 1) throw Error("the corpus has more than 2^32 different words");
  words_.push_back({bytes_.size(), text.size(), hash, count});
  bytes_ += text;
  slots_[slot] = static_cast<uint32_t>(words_.size());
  if (2 * words_.size() > slots_.size()) grow();
}

void WordCounts::grow() {
  slots_.assign(4 * slots_.size(), 0);
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < words_.size(); ++i) {
    size_t slot = words_[i].hash & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
}

std::vector<size_t> WordCounts::sorted() const {
  std::vector<size_t> order(words_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [this](size_t i) { return word(i); });
  return order;
}

}  // namespace weft::text
