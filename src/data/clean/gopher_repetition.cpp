// The stage `gopher_repetition`: texts that repeat themselves too much, by the rules of Rae et al.
// (2021), table A1.
#include <algorithm>
#include <array>
#include <unordered_set>

#include "data/clean/lines.h"
#include "data/clean/stage_registry.h"
#include "data/clean/words.h"
#include "data/content_hash.h"

namespace weft::data {
namespace {

// Words of a text: their hashes, and where they begin and end.
struct Words {
  std::vector<uint64_t> hashes;
  std::vector<uint32_t> begins, ends;

  size_t size() const { return hashes.size(); }
  int64_t length(size_t first, size_t count) const {
    return int64_t{ends[first + count - 1]} - begins[first];
  }
};

// Counts of hashes, in memory that is used again.
class CountTable {
 public:
  void reset(size_t entries) {
    size_t slots = 64;
    while (slots < 2 * entries) slots *= 2;
    hashes_.assign(slots, 0);
    counts_.assign(slots, 0);
  }
  // How often `hash` came, this time included.
  uint32_t add(uint64_t hash) {
    hash |= 1;
    size_t slot = hash >> 20 & (hashes_.size() - 1);
    while (hashes_[slot] != 0 && hashes_[slot] != hash) slot = (slot + 1) & (hashes_.size() - 1);
    hashes_[slot] = hash;
    return ++counts_[slot];
  }

 private:
  std::vector<uint64_t> hashes_;
  std::vector<uint32_t> counts_;
};

uint64_t ngram_hash(const Words& words, size_t first, size_t count) {
  uint64_t hash = count;
  for (size_t i = first; i < first + count; ++i) hash = (hash + words.hashes[i]) * kSpread;
  return hash ^ (hash >> 32);
}

// Bytes of the n-gram that covers most, as often as it stands there.
int64_t most_frequent_bytes(const Words& words, size_t n, CountTable& table) {
  if (words.size() < n) return 0;
  table.reset(words.size());
  uint32_t most = 1;
  int64_t bytes = 0;
  for (size_t i = 0; i + n <= words.size(); ++i) {
    const uint32_t count = table.add(ngram_hash(words, i, n));
    const int64_t covered = words.length(i, n) * count;
    if (count > most || (count == most && count > 1 && covered > bytes)) {
      most = count;
      bytes = covered;
    }
  }
  return bytes;
}

// Bytes within n-grams that stood there before, none counted twice.
int64_t repeated_bytes(const Words& words, size_t n, CountTable& table) {
  table.reset(words.size());
  int64_t bytes = 0;
  for (size_t i = 0; i + n <= words.size();) {
    if (table.add(ngram_hash(words, i, n)) == 1) {
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

  template <class Seen>
  void add(std::string_view part, Seen& seen) {
    part = trimmed(part);
    if (part.empty()) return;
    ++parts;
    bytes += static_cast<int64_t>(part.size());
    if (seen.insert(hash64(part)).second) return;
    ++repeated;
    repeated_bytes += static_cast<int64_t>(part.size());
  }
};

Repeats line_repeats(std::string_view text) {
  std::unordered_set<uint64_t> seen;
  Repeats repeats;
  for_each_line(text, [&](std::string_view line) { repeats.add(line, seen); });
  return repeats;
}

Repeats paragraph_repeats(std::string_view text) {
  std::unordered_set<uint64_t> seen;
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
    const Repeats lines = line_repeats(text), paragraphs = paragraph_repeats(text);
    if (10 * lines.repeated > 3 * lines.parts) return "too many repeated lines";
    if (10 * paragraphs.repeated > 3 * paragraphs.parts) return "too many repeated paragraphs";
    if (5 * lines.repeated_bytes > lines.bytes) return "too much text in repeated lines";
    if (5 * paragraphs.repeated_bytes > paragraphs.bytes)
      return "too much text in repeated paragraphs";
    return ngram_reason(text);
  }

  static std::string_view ngram_reason(std::string_view text) {
    thread_local Words words;
    thread_local CountTable table;
    split(text, words);
    const auto whole = static_cast<int64_t>(text.size());
    for (const NgramRule& rule : kTopRules)
      if (100 * most_frequent_bytes(words, rule.n, table) > rule.percent * whole)
        return rule.reason;
    for (const NgramRule& rule : kRepeatRules) {
      const int64_t bytes = repeated_bytes(words, rule.n, table);
      if (100 * bytes > rule.percent * whole) return rule.reason;
      if (bytes == 0) break;  // where no n-gram is repeated, no longer one is
    }
    return "";
  }

  static void split(std::string_view text, Words& words) {
    words.hashes.clear();
    words.begins.clear();
    words.ends.clear();
    for_each_spaced_word(text, [&](std::string_view word) {
      const auto begin = static_cast<uint32_t>(word.data() - text.data());
      words.hashes.push_back(hash64(word));
      words.begins.push_back(begin);
      words.ends.push_back(begin + static_cast<uint32_t>(word.size()));
    });
  }
};

}  // namespace

std::unique_ptr<const Stage> make_gopher_repetition() {
  return std::make_unique<GopherRepetitionStage>();
}

}  // namespace weft::data
