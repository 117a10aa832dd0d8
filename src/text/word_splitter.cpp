// Words by hand-written rules (word_splitter.h). Each function follows the alternatives of its
// expression in their order.
#include "text/word_splitter.h"

#include <array>

#include "text/unicode.h"

namespace weft::text {
namespace {

constexpr std::string_view kGpt2Expression =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3Expression =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Expression =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// What the expressions tell apart. kEnd is past the text.
enum Kind : uint8_t { kKindSymbol, kKindLetter, kKindNumber, kKindSpace, kEnd };

Kind kind_of_classes(uint16_t classes) {
  if ((classes & kLetter) != 0) return kKindLetter;
  if ((classes & kNumber) != 0) return kKindNumber;
  return (classes & kSpace) != 0 ? kKindSpace : kKindSymbol;
}

struct AsciiKinds {
  AsciiKinds() {
    for (uint32_t c = 0; c < 128; ++c) of[c] = kind_of_classes(class_table()[c]);
  }
  std::array<Kind, 128> of;
};

// Reads kinds from a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  struct Char {
    Kind kind = kEnd;
    uint32_t size = 0;
  };

  size_t size() const { return text_.size(); }
  char byte(size_t at) const { return at < text_.size() ? text_[at] : '\0'; }
  bool is_line_end(size_t at) const { return byte(at) == '\n' || byte(at) == '\r'; }

  Char at(size_t i) const {
    if (i >= text_.size()) return {};
    const auto c = static_cast<uint8_t>(text_[i]);
    if (c < 128) return {ascii_.of[c], 1};
    const Utf8Char wide = utf8_at(text_, i);
    return {kind_of_classes(classes_[wide.code]), wide.size};
  }

  // Where the run of `kind` that holds `i` ends.
  size_t end_of(Kind kind, size_t i) const {
    for (Char c = at(i); c.kind == kind; c = at(i)) i += c.size;
    return i;
  }

 private:
  static const AsciiKinds& ascii() {
    static const AsciiKinds kKinds;
    return kKinds;
  }

  std::string_view text_;
  const AsciiKinds& ascii_ = ascii();
  const ClassTable& classes_ = class_table();
};

// Length of 's, 't, 're, 've, 'm, 'll, 'd at an apostrophe, or 0.
template <bool any_case>
size_t contraction(const Reader& text, size_t at) {
  const auto letter = [&](size_t i) {
    const char c = text.byte(i);
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  const char first = letter(at + 1), second = letter(at + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if ((first == 'r' || first == 'v') && second == 'e') return 3;
  if (first == 'l' && second == 'l') return 3;
  // U+017F, the long s, is an "s" where case does not count.
  const bool long_s = first == '\xC5' && text.byte(at + 2) == '\xBF';
  return any_case && long_s ? 3 : 0;
}

// \s+(?!\S)|\s+ where white space runs from `begin` to `end`: all but the last character, which
// goes with the next word, unless the text ends here.
size_t end_of_space(const Reader& text, size_t begin, size_t end) {
  if (end == text.size()) return end;
  size_t last = end - 1;
  while (last > begin && is_continuation(text.byte(last))) --last;
  return last > begin ? last : end;
}

size_t gpt2_word(const Reader& text, size_t begin) {
  if (text.byte(begin) == '\'') {
    if (const size_t n = contraction<false>(text, begin)) return begin + n;
  }
  Reader::Char first = text.at(begin);
  size_t at = begin;
  if (text.byte(begin) == ' ') {
    const Reader::Char next = text.at(begin + 1);
    if (next.kind < kKindSpace) {
      first = next;
      at = begin + 1;
    }
  }
  const size_t end = text.end_of(first.kind, at + first.size);
  return first.kind == kKindSpace ? end_of_space(text, begin, end) : end;
}

size_t number_end(const Reader& text, size_t at, int digits) {
  for (int i = 0; i < digits; ++i) {
    const Reader::Char c = text.at(at);
    if (c.kind != kKindNumber) break;
    at += c.size;
  }
  return at;
}

// Symbols and the line ends after them.
size_t symbols_end(const Reader& text, size_t at) {
  at = text.end_of(kKindSymbol, at);
  while (text.is_line_end(at)) ++at;
  return at;
}

// \s*[\r\n]+|\s+(?!\S)|\s+
size_t space_end(const Reader& text, size_t begin) {
  const size_t end = text.end_of(kKindSpace, begin);
  for (size_t i = end; i > begin; --i) {
    if (text.is_line_end(i - 1)) return i;
  }
  return end_of_space(text, begin, end);
}

template <int digits>
size_t llama3_word(const Reader& text, size_t begin) {
  const Reader::Char first = text.at(begin);
  if (first.kind == kKindLetter) return text.end_of(kKindLetter, begin + first.size);
  if (first.kind == kKindNumber) return number_end(text, begin, digits);
  if (text.byte(begin) == '\'') {
    if (const size_t n = contraction<true>(text, begin)) return begin + n;
  }
  const Reader::Char next = text.at(begin + first.size);
  if (next.kind == kKindLetter && !text.is_line_end(begin)) {
    return text.end_of(kKindLetter, begin + first.size + next.size);
  }
  if (first.kind == kKindSymbol) return symbols_end(text, begin);
  if (text.byte(begin) == ' ' && next.kind == kKindSymbol) return symbols_end(text, begin + 1);
  return space_end(text, begin);
}

template <class NextWord>
size_t cut(std::string_view text, size_t begin, std::span<size_t> ends, NextWord next_word) {
  const Reader reader(text);
  size_t n = 0;
  while (begin < text.size() && n < ends.size()) ends[n++] = begin = next_word(reader, begin);
  return n;
}

}  // namespace

std::string_view expression_of(WordRule rule) {
  switch (rule) {
    case WordRule::kGpt2: return kGpt2Expression;
    case WordRule::kLlama3: return kLlama3Expression;
    case WordRule::kQwen2: return kQwen2Expression;
  }
  return {};
}

std::optional<WordRule> rule_for(std::string_view expression) {
  for (const WordRule rule : {WordRule::kGpt2, WordRule::kLlama3, WordRule::kQwen2}) {
    if (expression == expression_of(rule)) return rule;
  }
  return std::nullopt;
}

size_t cut_words(WordRule rule, std::string_view text, size_t begin, std::span<size_t> ends) {
  switch (rule) {
    case WordRule::kGpt2: return cut(text, begin, ends, gpt2_word);
    case WordRule::kLlama3: return cut(text, begin, ends, llama3_word<3>);
    case WordRule::kQwen2: return cut(text, begin, ends, llama3_word<1>);
  }
  return 0;
}

}  // namespace weft::text
