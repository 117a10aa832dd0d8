// Words by components and by kinds of characters (word_cutter.h).
#include "text/word_cutter.h"

#include <utility>
#include <vector>

#include "text/unicode.h"
#include "text/utf8.h"

namespace weft::text {
namespace {

constexpr uint32_t kSpaceMark = 0x2581;

enum class Kind { kLetter, kNumber, kSpace, kOther };

Kind kind_of(uint32_t code) {
  const uint16_t classes = class_table()[code];
  if ((classes & (kLetter | kMark)) != 0) return Kind::kLetter;
  if ((classes & kNumber) != 0) return Kind::kNumber;
  return (classes & kSpace) != 0 ? Kind::kSpace : Kind::kOther;
}

// The components are parsed as those of files are, which have sorted keys.
Json sorted(const nlohmann::ordered_json& component) {
  return Json::parse(component.dump());
}

}  // namespace

WordCutter::WordCutter(WordRule rule)
    : rule_(rule), normalizer_(Json(), ""), pre_tokenizer_(Json(), "") {}

WordCutter::WordCutter(WordComponents components)
    : components_(std::move(components)),
      normalizer_(sorted(components_.normalizer), "normalizer"),
      pre_tokenizer_(sorted(components_.pre_tokenizer), "pre_tokenizer") {}

void WordCutter::cut(std::string_view text, Scratch& scratch) const {
  if (!normalizer_.empty()) {
    scratch.normalized = normalizer_.normalize(text);
    text = scratch.normalized;
  }
  scratch.cut.start(text, true);
  pre_tokenizer_.cut(scratch.cut);
  if (components_.cuts_at_kinds) cut_at_kinds(scratch.cut);
}

void WordCutter::cut_at_kinds(CutText& cut) const {
  std::vector<CutText::Range> words;
  words.reserve(2 * cut.ranges.size());
  for (size_t i = 0; i < cut.ranges.size(); ++i) {
    const std::string_view word = cut.word(i);
    for (size_t begin = 0; begin < word.size();) {
      const size_t end = end_of_word(word, begin), offset = cut.ranges[i].begin;
      words.push_back({offset + begin, offset + end});
      begin = end;
    }
  }
  cut.ranges = std::move(words);
}

// Marks, then characters of one kind.
size_t WordCutter::end_of_word(std::string_view word, size_t begin) const {
  size_t at = begin, characters = 0;
  std::optional<Kind> kind;
  while (at < word.size() && characters < kMaxCharacters) {
    const Utf8Char c = utf8_at(word, at);
    const bool is_mark = c.code == kSpaceMark;
    if (kind && is_mark) break;
    if (!is_mark) {
      const Kind next = kind_of(c.code);
      if (kind && next != *kind) break;
      if (components_.single_digits && next == Kind::kNumber) return at == begin ? at + c.size : at;
      kind = next;
    }
    at += c.size;
    ++characters;
  }
  return at;
}

}  // namespace weft::text
