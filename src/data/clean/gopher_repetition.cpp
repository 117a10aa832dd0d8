// The stage `gopher_repetition`: texts that repeat themselves too much, by the rules of Rae et al.
// (2021), table A1.
#include <algorithm>
#include <array>
#include <span>

#include "data/clean/lines.h"
#include "data/clean/repeat_bounds.h"
#include "data/clean/spaced_words.h"
#include "data/clean/stage_registry.h"
#include "data/content_hash.h"

namespace weft::data {
namespace {

// Counts of hashes, in memory that is used again: a slot counts only in the round that wrote it.
class CountTable {
 public:
  void reset(size_t entries) {
    size_t slots = 64;
    while (slots < 2 * entries) slots *= 2;
    if (slots > slots_.size() || ++round_ == 0) {
      slots_.assign(std::max(slots, slots_.size()), {});
      round_ = 1;
    }
    mask_ = slots - 1;
  }
  // How often `hash` came, this time included.
  uint32_t add(uint64_t hash) {
    size_t slot = hash >> 20 & mask_;
    while (slots_[slot].round == round_ && slots_[slot].hash != hash) slot = (slot + 1) & mask_;
    Slot& found = slots_[slot];
    if (found.round != round_) found = {.hash = hash, .round = round_, .count = 0};
    return ++found.count;
  }

 private:
  struct Slot {
    uint64_t hash = 0;
    uint32_t round = 0;
    uint32_t count = 0;
  };
  std::vector<Slot> slots_;
  size_t mask_ = 0;
  uint32_t round_ = 0;
};

// Hashes of the n-grams that begin at each word, made longer word by word.
class Ngrams {
 public:
  void start(const SpacedWords& words) {
    words_ = words.hashes();
    hashes_.assign(words_.begin(), words_.end());
    n_ = 1;
  }
  void lengthen_to(size_t n) {
    for (; n_ < n; ++n_)
      for (size_t i = 0; i + n_ < words_.size(); ++i)
        hashes_[i] = (hashes_[i] ^ hashes_[i] >> 29) * kSpread + words_[i + n_];
  }
  size_t count() const { return words_.size() < n_ ? 0 : words_.size() - n_ + 1; }
  uint64_t hash(size_t i) const { return mixed(hashes_[i]); }

 private:
  std::span<const uint64_t> words_;
  std::vector<uint64_t> hashes_;
  size_t n_ = 1;
};

struct Frequent {
  uint32_t count = 1;
  int64_t bytes = 0;       // covered by the n-gram that stands there most often
  size_t longest_run = 0;  // of n-grams one word apart that all stood there before
};

Frequent most_frequent(const SpacedWords& words, const Ngrams& ngrams, size_t n,
                       CountTable& table) {
  table.reset(words.size());
  Frequent most;
  size_t run = 0;
  for (size_t i = 0; i < ngrams.count(); ++i) {
    const uint32_t count = table.add(ngrams.hash(i));
    run = count == 1 ? 0 : run + 1;
    most.longest_run = std::max(most.longest_run, run);
    if (count == 1 || count < most.count) continue;
    const int64_t covered = words.length(i, n) * count;
    if (count == most.count && covered <= most.bytes) continue;
    most.count = count;
    most.bytes = covered;
  }
  return most;
}

// Bytes within n-grams that stood there before, none counted twice.
int64_t repeated_bytes(const SpacedWords& words, const Ngrams& ngrams, size_t n,
                       CountTable& table) {
  table.reset(words.size());
  int64_t bytes = 0;
  for (size_t i = 0; i < ngrams.count();) {
    if (table.add(ngrams.hash(i)) == 1) {
      ++i;
      continue;
    }
    bytes += words.length(i, n);
    i += n;
  }
  return bytes;
}

struct Repeats {
  int64_t parts = 0, repeated = 0, bytes = 0, repeated_bytes = 0;

  void add(std::string_view part, CountTable& seen) {
    part = trimmed(part);
    if (part.empty()) return;
    ++parts;
    bytes += static_cast<int64_t>(part.size());
    if (seen.add(hash64(part)) == 1) return;
    ++repeated;
    repeated_bytes += static_cast<int64_t>(part.size());
  }
};

Repeats line_repeats(std::string_view text, CountTable& seen) {
  seen.reset(1 + count_bytes(text, [](__m128i x) { return bytes::equal(x, '\n'); }));
  Repeats repeats;
  for_each_line(text, [&](std::string_view line) { repeats.add(line, seen); });
  return repeats;
}

// `lines`: of the text, and so at least as many as paragraphs.
Repeats paragraph_repeats(std::string_view text, size_t lines, CountTable& seen) {
  seen.reset(1 + lines);
  Repeats repeats;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find("\n\n", begin), text.size());
    repeats.add(text.substr(begin, end - begin), seen);
    begin = end + 2;
  }
  return repeats;
}

struct NgramRule {
  size_t n;
  int64_t percent;
  std::string_view reason;
};
constexpr std::array<NgramRule, 3> kTopRules = {{{2, 20, "one 2-gram is too frequent"},
                                                 {3, 18, "one 3-gram is too frequent"},
                                                 {4, 16, "one 4-gram is too frequent"}}};
constexpr std::array<NgramRule, 6> kRepeatRules = {{{5, 15, "too many repeated 5-grams"},
                                                    {6, 14, "too many repeated 6-grams"},
                                                    {7, 13, "too many repeated 7-grams"},
                                                    {8, 12, "too many repeated 8-grams"},
                                                    {9, 11, "too many repeated 9-grams"},
                                                    {10, 10, "too many repeated 10-grams"}}};

class GopherRepetitionStage final : public Stage {
 public:
  void apply(std::string_view text, std::string&, StageResult& result) const override {
    const std::string_view why = reason(text);
    if (!why.empty()) result.drop(why);
  }

 private:
  static std::string_view reason(std::string_view text) {
    thread_local CountTable table;
    const Repeats lines = line_repeats(text, table);
    const Repeats paragraphs = paragraph_repeats(text, static_cast<size_t>(lines.parts), table);
    if (10 * lines.repeated > 3 * lines.parts) return "too many repeated lines";
    if (10 * paragraphs.repeated > 3 * paragraphs.parts) return "too many repeated paragraphs";
    if (5 * lines.repeated_bytes > lines.bytes) return "too much text in repeated lines";
    if (5 * paragraphs.repeated_bytes > paragraphs.bytes)
      return "too much text in repeated paragraphs";
    return ngram_reason(text, table);
  }

  static std::string_view ngram_reason(std::string_view text, CountTable& table) {
    thread_local SpacedWords words;
    thread_local RepeatSketch sketch;
    words.split(text);
    const auto whole = static_cast<int64_t>(text.size());
    if (words.size() <= RepeatSketch::kMostWords && is_within(sketch.bounds(words), words, whole))
      return "";
    return counted_reason(words, whole, table);
  }

  // Whether bounds alone show that no rule is broken.
  static bool is_within(const RepeatBounds& bounds, const SpacedWords& words, int64_t whole) {
    if (100 * bounds.repeated_bytes > kRepeatRules.back().percent * whole) return false;
    // The last of these rules is about the longest n-grams and allows them the least: what it
    // allows by these bounds, so do the others.
    const NgramRule& last = kTopRules.back();
    const int64_t longest = words.size() < last.n ? whole : words.longest_ngram(last.n);
    return 100 * longest * bounds.pair_count <= last.percent * whole;
  }

  static std::string_view counted_reason(const SpacedWords& words, int64_t whole,
                                         CountTable& table) {
    thread_local Ngrams ngrams;
    ngrams.start(words);
    bool no_repeats = false;
    uint32_t most = UINT32_MAX;  // a longer n-gram is never more frequent than those within it
    for (const NgramRule& rule : kTopRules) {
      if (100 * words.longest_ngram(rule.n) * most <= rule.percent * whole) break;
      ngrams.lengthen_to(rule.n);
      const Frequent frequent = most_frequent(words, ngrams, rule.n, table);
      if (100 * frequent.bytes > rule.percent * whole) return rule.reason;
      most = frequent.count;
      // A repeated 5-gram holds that many shorter ones, which stood there before as well.
      if (rule.n == 2 && frequent.longest_run + 2 <= kRepeatRules[0].n) no_repeats = true;
    }
    if (no_repeats) return "";
    for (const NgramRule& rule : kRepeatRules) {
      ngrams.lengthen_to(rule.n);
      const int64_t bytes = repeated_bytes(words, ngrams, rule.n, table);
      if (100 * bytes > rule.percent * whole) return rule.reason;
      if (bytes == 0) break;  // where no n-gram is repeated, no longer one is
    }
    return "";
  }
};

}  // namespace

std::unique_ptr<const Stage> make_gopher_repetition() {
  return std::make_unique<GopherRepetitionStage>();
}

}  // namespace weft::data
