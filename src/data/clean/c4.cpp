// The stage `c4`: the cleaning of the Colossal Clean Crawled Corpus, Raffel et al., "Exploring the
// Limits of Transfer Learning with a Unified Text-to-Text Transformer" (JMLR 2020), section 2.2,
// written for English. Its removal of repeated spans of three sentences is left to the stages for
// duplicates, its choice of language to `language`. Its list of bad words is not shipped; a file
// can be given.
#include <algorithm>
#include <array>
#include <unordered_set>

#include "data/clean/byte_masks.h"
#include "data/clean/lines.h"
#include "data/clean/stage_registry.h"
#include "data/clean/words.h"

namespace weft::data {
namespace {

constexpr int64_t kLeastWords = 5;  // of a line
constexpr int64_t kLeastSentences = 3;
constexpr int64_t kMostBadWordsBytes = 16 << 20;
constexpr std::array<std::string_view, 7> kPolicies = {
    "terms of use",   "privacy policy", "cookie policy", "uses cookies",
    "use of cookies", "use cookies",    "lorem ipsum"};

// Of bytes that are the letter `c` in either case.
auto folded(char c) {
  return [c](__m128i x) { return bytes::equal(_mm_or_si128(x, _mm_set1_epi8(0x20)), c); };
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

// Whether one of kPolicies, "lorem ipsum" or "javascript" may stand in the text, in either case:
// each holds one of these beginnings. Most texts have none, and need no copy in lower case.
bool may_have_phrase(std::string_view text) {
  static constexpr std::array<std::string_view, 5> kBeginnings = {"term", "priv", "cook", "lore",
                                                                  "java"};
  const auto begins = [](std::string_view at) {
    return std::any_of(kBeginnings.begin(), kBeginnings.end(), [&](std::string_view beginning) {
      return std::equal(beginning.begin(), beginning.end(), at.begin(), at.end(),
                        [](char wanted, char c) { return wanted == (c | 0x20); });
    });
  };
  for (size_t at = 0; at + 1 < text.size(); at += ByteBlock::kSize) {
    const ByteBlock first(text, at), second(text, at + 1);
    ByteBits found = 0;
    for (const std::string_view beginning : kBeginnings)
      found |= first.bits(folded(beginning[0])) & second.bits(folded(beginning[1]));
    for (; found != 0; found &= found - 1)
      if (begins(text.substr(at + static_cast<size_t>(std::countr_zero(found)), 4))) return true;
  }
  return false;
}

bool ends_sentence(std::string_view line) {
  for (const std::string_view end : {".", "!", "?", "\"", "\xE2\x80\x9D"})
    if (line.ends_with(end)) return !line.ends_with("...");
  return false;
}

// Ends of sentences within a line that is one or several of them.
int64_t sentences_of(std::string_view line) {
  int64_t count = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const bool end = line[i] == '.' || line[i] == '!' || line[i] == '?';
    if (end && (i + 1 == line.size() || is_white(line[i + 1]) || line[i + 1] == '"')) ++count;
  }
  return std::max<int64_t>(count, 1);
}

class C4Stage final : public Stage {
 public:
  explicit C4Stage(std::unordered_set<uint64_t> bad_words) : bad_words_(std::move(bad_words)) {}

  void apply(std::string_view text, std::string& changed, StageResult& result) const override {
    if (text.find('{') != text.npos) return result.drop("it has a curly bracket");
    if (has_bad_word(text)) return result.drop("it has a bad word");
    const bool suspicious = may_have_phrase(text);
    int64_t removed = 0, sentences = 0;
    for_each_line(text, [&](std::string_view raw) {
      const std::string_view line = trimmed(raw);
      if (line.empty()) return;
      const std::string small = suspicious ? lower(line) : std::string();
      if (small.find("lorem ipsum") != small.npos && !result.dropped)
        result.drop("it has \"lorem ipsum\"");
      if (!is_kept(line, small)) {
        ++removed;
        return;
      }
      sentences += sentences_of(line);
      changed.append(line);
      changed += '\n';
    });
    if (result.dropped) return;
    if (sentences < kLeastSentences) return result.drop("it has fewer than 3 sentences");
    changed.pop_back();
    result.changed = changed != text;
    result.note("line removed that is no sentence or about scripts or policies", removed);
  }

 private:
  static bool is_kept(std::string_view line, const std::string& small) {
    if (!ends_sentence(line)) return false;
    int64_t words = 0;
    for_each_spaced_word(line, [&](std::string_view) { ++words; });
    if (words < kLeastWords || small.find("javascript") != small.npos) return false;
    return std::none_of(kPolicies.begin(), kPolicies.end(),
                        [&](std::string_view policy) { return small.find(policy) != small.npos; });
  }

  bool has_bad_word(std::string_view text) const {
    if (bad_words_.empty()) return false;
    bool found = false;
    for_each_word(text, [&](uint64_t word) { found |= bad_words_.count(word) > 0; });
    return found;
  }

  std::unordered_set<uint64_t> bad_words_;
};

}  // namespace

std::unique_ptr<const Stage> make_c4(const FileSystem& files, const StageConfig& config) {
  std::unordered_set<uint64_t> bad_words;
  if (config.bad_words)
    for_each_word(files.read(*config.bad_words, kMostBadWordsBytes),
                  [&](uint64_t word) { bad_words.insert(word); });
  return std::make_unique<C4Stage>(std::move(bad_words));
}

}  // namespace weft::data
