// Pre-tokenizers of tokenizer files (pre_tokenizer.h).
#include "text/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/quote.h"
#include "text/byte_alphabet.h"
#include "text/fold_tables.h"
#include "text/replacement.h"
#include "text/script_table.h"
#include "text/unicode.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr size_t kMaxSteps = 32;
constexpr int kMaxDepth = 4;

// What becomes of the places where a pattern matches.
enum class Behavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

Behavior read_behavior(JsonFields& fields) {
  constexpr std::array<std::pair<std::string_view, Behavior>, 5> kNames = {
      {{"Isolated", Behavior::kIsolated},
       {"Removed", Behavior::kRemoved},
       {"MergedWithPrevious", Behavior::kMergedWithPrevious},
       {"MergedWithNext", Behavior::kMergedWithNext},
       {"Contiguous", Behavior::kContiguous}}};
  const std::string& given = fields.text("behavior");
  for (const auto& [name, behavior] : kNames) {
    if (given == name) return behavior;
  }
  fields.fail("behavior", quote(given) +
                              " is none of Isolated, Removed, MergedWithPrevious, "
                              "MergedWithNext, Contiguous");
}

// A piece of a word: what a pattern matched, or what lies between matches.
struct Piece {
  size_t begin, end;
  bool match;
};

// All of [0, size), in order. Matches do not overlap.
void cover(const std::vector<Regex::Match>& matches, size_t size, std::vector<Piece>& pieces) {
  size_t done = 0;
  for (const Regex::Match& match : matches) {
    if (done < match.begin) pieces.push_back({done, match.begin, false});
    pieces.push_back({match.begin, match.end, true});
    done = match.end;
  }
  if (done < size) pieces.push_back({done, size, false});
}

// Whether piece i joins the one before it in `order`, for the behaviors that join.
bool joins_before(Behavior behavior, bool match, bool match_before) {
  return behavior == Behavior::kContiguous ? match == match_before : match && !match_before;
}

void append_joined(Behavior behavior, const std::vector<Piece>& pieces,
                   std::vector<CutText::Range>& out) {
  const size_t first = out.size();
  bool match_before = false;
  for (const Piece& piece : pieces) {
    if (out.size() > first && joins_before(behavior, piece.match, match_before)) {
      out.back().end = piece.end;
    } else {
      out.push_back({piece.begin, piece.end});
    }
    match_before = piece.match;
  }
}

void append_joined_with_next(const std::vector<Piece>& pieces, std::vector<CutText::Range>& out) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    const bool next_is_match = i + 1 < pieces.size() && pieces[i + 1].match;
    const bool joins_next = pieces[i].match && !next_is_match && i + 1 < pieces.size();
    out.push_back({pieces[i].begin, pieces[joins_next ? i + 1 : i].end});
    if (joins_next) ++i;
  }
}

void append_behaved(Behavior behavior, const std::vector<Piece>& pieces,
                    std::vector<CutText::Range>& out) {
  switch (behavior) {
    case Behavior::kIsolated:
    case Behavior::kRemoved:
      for (const Piece& piece : pieces) {
        if (behavior == Behavior::kRemoved && piece.match) continue;
        out.push_back({piece.begin, piece.end});
      }
      return;
    case Behavior::kMergedWithNext: return append_joined_with_next(pieces, out);
    case Behavior::kMergedWithPrevious:
    case Behavior::kContiguous: return append_joined(behavior, pieces, out);
  }
}

// A step that cuts each word by itself and leaves the text as it is.
class CuttingStep : public PreTokenizerStep {
 public:
  void apply(CutText& text) const final {
    std::vector<CutText::Range> cut;
    cut.reserve(text.ranges.size());
    for (size_t i = 0; i < text.ranges.size(); ++i) {
      const size_t first = cut.size(), offset = text.ranges[i].begin;
      cut_word(text.word(i), cut);
      for (size_t j = first; j < cut.size(); ++j) {
        cut[j].begin += offset;
        cut[j].end += offset;
      }
    }
    std::erase_if(cut, [](const CutText::Range& range) { return range.begin == range.end; });
    text.ranges = std::move(cut);
  }

 private:
  // Appends ranges of `word`.
  virtual void cut_word(std::string_view word, std::vector<CutText::Range>& out) const = 0;
};

class SplitStep final : public CuttingStep {
 public:
  SplitStep(Pattern pattern, Behavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

 private:
  void cut_word(std::string_view word, std::vector<CutText::Range>& out) const override {
    std::vector<Regex::Match> matches;
    pattern_.find_all(word, matches);
    std::vector<Piece> pieces;
    cover(matches, word.size(), pieces);
    for (Piece& piece : pieces) piece.match = piece.match != invert_;
    append_behaved(behavior_, pieces, out);
  }

  Pattern pattern_;
  Behavior behavior_;
  bool invert_;
};

// Characters of some classes of a table as matches.
class ClassStep final : public CuttingStep {
 public:
  ClassStep(const ClassTable& table, uint16_t mask, Behavior behavior)
      : table_(table), mask_(mask), behavior_(behavior) {}

 private:
  void cut_word(std::string_view word, std::vector<CutText::Range>& out) const override {
    std::vector<Regex::Match> matches;
    for (size_t at = 0; at < word.size();) {
      const Utf8Char c = utf8_at(word, at);
      if ((table_[c.code] & mask_) != 0) matches.push_back({at, at + c.size});
      at += c.size;
    }
    std::vector<Piece> pieces;
    cover(matches, word.size(), pieces);
    append_behaved(behavior_, pieces, out);
  }

  const ClassTable& table_;
  uint16_t mask_;
  Behavior behavior_;
};

class DelimiterStep final : public CuttingStep {
 public:
  explicit DelimiterStep(std::string delimiter) : delimiter_(std::move(delimiter)) {}

 private:
  void cut_word(std::string_view word, std::vector<CutText::Range>& out) const override {
    for (size_t begin = 0; begin <= word.size();) {
      const size_t end = std::min(word.find(delimiter_, begin), word.size());
      out.push_back({begin, end});
      begin = end + delimiter_.size();
    }
  }

  std::string delimiter_;
};

// So many characters a word.
class FixedLengthStep final : public CuttingStep {
 public:
  explicit FixedLengthStep(size_t length) : length_(length) {}

 private:
  void cut_word(std::string_view word, std::vector<CutText::Range>& out) const override {
    for (size_t begin = 0; begin < word.size();) {
      size_t end = begin;
      for (size_t n = 0; n < length_ && end < word.size(); ++n) end += utf8_at(word, end).size;
      out.push_back({begin, end});
      begin = end;
    }
  }

  size_t length_;
};

// Words of one script. Spaces and unassigned characters go with what is before them; those at the
// start are in no word, as in Hugging Face's library.
class ScriptStep final : public CuttingStep {
 private:
  void cut_word(std::string_view word, std::vector<CutText::Range>& out) const override {
    const size_t first = out.size();
    uint16_t last = 0;
    for (size_t at = 0; at < word.size();) {
      const Utf8Char c = utf8_at(word, at);
      const uint16_t script = script_table()[c.code];
      if (script != 0 && script != last) {
        if (out.size() > first) out.back().end = at;
        out.push_back({at, word.size()});
      }
      if (script != 0) last = script;
      at += c.size;
    }
  }
};

// Runs of word characters, and of all others but white space.
class WordRunStep final : public CuttingStep {
 private:
  enum class Kind { kSpace, kWord, kOther };
  static Kind kind_of(uint32_t code) {
    const uint16_t classes = class_table()[code];
    return (classes & text::kWord) != 0    ? Kind::kWord
           : (classes & text::kSpace) != 0 ? Kind::kSpace
                                           : Kind::kOther;
  }
  void cut_word(std::string_view word, std::vector<CutText::Range>& out) const override {
    Kind last = Kind::kSpace;
    for (size_t at = 0; at < word.size();) {
      const Utf8Char c = utf8_at(word, at);
      const Kind kind = kind_of(c.code);
      if (kind != Kind::kSpace && kind == last) out.back().end = at + c.size;
      if (kind != Kind::kSpace && kind != last) out.push_back({at, at + c.size});
      last = kind;
      at += c.size;
    }
  }
};

class RuleStep final : public CuttingStep {
 public:
  explicit RuleStep(WordRule rule) : rule_(rule) {}

 private:
  void cut_word(std::string_view word, std::vector<CutText::Range>& out) const override {
    std::array<size_t, 256> ends;
    for (size_t begin = 0; begin < word.size();) {
      const size_t n = cut_words(rule_, word, begin, ends);
      for (size_t i = 0; i < n; ++i) {
        out.push_back({begin, ends[i]});
        begin = ends[i];
      }
    }
  }

  WordRule rule_;
};

// A step that changes the text of words.
class ChangingStep : public PreTokenizerStep {
 public:
  void apply(CutText& text) const final {
    AlignedText changed;
    changed.text.reserve(text.text.size() + text.text.size() / 4 + 8);
    const std::span<const TextSpan> origin = text.origin;
    for (size_t i = 0; i < text.ranges.size(); ++i) {
      const auto [first, last] = text.ranges[i];
      const size_t begin = changed.text.size();
      TextEdit edit(text.word(i), origin.empty() ? origin : origin.subspan(first, last - first),
                    changed);
      change(edit, text.at_start && first == 0);
      text.ranges[i] = {begin, changed.text.size()};
    }
    text.changed = std::move(changed.text);
    text.text = text.changed;
    text.origin = std::move(changed.origin);
  }

 private:
  virtual void change(TextEdit& word, bool first) const = 0;
};

class PrefixSpaceStep final : public ChangingStep {
 private:
  void change(TextEdit& word, bool) const override {
    if (!word.input().starts_with(' ')) word.prepend(" ");
    word.copy_rest();
  }
};

// Bytes become the letters of byte-level vocabularies.
class ByteLetterStep final : public ChangingStep {
 private:
  void change(TextEdit& word, bool) const override {
    const std::string_view text = word.input();
    while (word.position() < text.size()) {
      const size_t begin = word.position(), size = utf8_at(text, begin).size;
      for (size_t i = begin; i < begin + size; ++i) {
        const std::string_view letter = letter_of_byte(static_cast<uint8_t>(text[i]));
        word.put(utf8_at(letter, 0).code, i == begin ? 0 : 1);
      }
    }
  }
};

// Spaces become a visible mark (SentencePiece's U+2581), and words begin with one.
class SpaceMarkStep final : public ChangingStep {
 public:
  enum class Prepend { kFirst, kNever, kAlways };

  SpaceMarkStep(std::string mark, Prepend prepend) : mark_(std::move(mark)), prepend_(prepend) {}

  static Prepend read_prepend(JsonFields& fields) {
    const std::string scheme = fields.text_or_empty("prepend_scheme");
    const bool never = !fields.flag_or("add_prefix_space", true);
    if (scheme == "never" || (scheme.empty() && never)) return Prepend::kNever;
    if (never) fields.fail("add_prefix_space", "contradicts prepend_scheme \"" + scheme + "\"");
    if (scheme == "first") return Prepend::kFirst;
    if (scheme == "always" || scheme.empty()) return Prepend::kAlways;
    fields.fail("prepend_scheme", "\"" + scheme + "\" is none of first, never, always");
  }

 private:
  void change(TextEdit& word, bool first) const override {
    const std::string_view text = word.input();
    const bool prepends = prepend_ == Prepend::kAlways || (prepend_ == Prepend::kFirst && first);
    if (prepends && !text.starts_with(' ') && !text.starts_with(mark_)) word.prepend(mark_);
    while (word.position() < text.size()) {
      const size_t space = std::min(text.find(' ', word.position()), text.size());
      word.copy(space - word.position());
      if (space == text.size()) return;
      word.drop(1);
      word.insert(mark_);
    }
  }

  std::string mark_;
  Prepend prepend_;
};

// Words begin at each mark.
class MarkSplitStep final : public CuttingStep {
 public:
  explicit MarkSplitStep(std::string mark) : mark_(std::move(mark)) {}

 private:
  void cut_word(std::string_view word, std::vector<CutText::Range>& out) const override {
    std::vector<Regex::Match> matches;
    for (size_t at = word.find(mark_); at != word.npos; at = word.find(mark_, at + mark_.size())) {
      matches.push_back({at, at + mark_.size()});
    }
    std::vector<Piece> pieces;
    cover(matches, word.size(), pieces);
    append_joined_with_next(pieces, out);
  }

  std::string mark_;
};

std::string read_mark(JsonFields& fields) {
  std::string mark = fields.text("replacement");
  if (mark.empty() || utf8_at(mark, 0).size != mark.size()) {
    fields.fail("replacement", "must be one character");
  }
  return mark;
}

}  // namespace

void CutText::start(std::string_view given, bool begins) {
  start(given, {}, begins);
}

void CutText::start(std::string_view given, std::span<const TextSpan> from, bool begins) {
  text = given;
  origin.assign(from.begin(), from.end());
  ranges.assign(1, {0, given.size()});
  at_start = begins;
}

PreTokenizer::PreTokenizer(const Json& component, const std::string& path) {
  if (component.is_null()) return;
  read(component, path, 0);
  only_bert_ = component_type(component, path) == "BertPreTokenizer";
}

void PreTokenizer::add_rule(WordRule rule) {
  rule_ = steps_.empty() ? std::optional(rule) : std::nullopt;
  steps_.push_back(std::make_unique<RuleStep>(rule));
}

void PreTokenizer::read_byte_level(JsonFields& fields) {
  const bool prefix = fields.flag("add_prefix_space");
  fields.flag("trim_offsets");  // of offsets alone, which are not made here
  const bool cuts = fields.flag_or("use_regex", true);
  byte_level_ = true;
  if (prefix) {
    rule_.reset();
    steps_.push_back(std::make_unique<PrefixSpaceStep>());
  }
  if (cuts) add_rule(WordRule::kGpt2);
}

void PreTokenizer::spell_bytes() {
  if (!byte_level_) return;
  byte_level_ = false;
  rule_.reset();
  steps_.push_back(std::make_unique<ByteLetterStep>());
}

void PreTokenizer::read_split(JsonFields& fields) {
  Pattern pattern(fields);
  const Behavior behavior = read_behavior(fields);
  const bool invert = fields.flag("invert");
  const auto rule = rule_for(pattern.expression());
  if (rule && behavior == Behavior::kIsolated) return add_rule(*rule);
  rule_.reset();
  steps_.push_back(std::make_unique<SplitStep>(std::move(pattern), behavior, invert));
}

void PreTokenizer::read_metaspace(JsonFields& fields) {
  const std::string mark = read_mark(fields);
  fields.ignore("str_rep");  // a copy of the replacement in old files
  steps_.push_back(std::make_unique<SpaceMarkStep>(mark, SpaceMarkStep::read_prepend(fields)));
  if (fields.flag_or("split", true)) steps_.push_back(std::make_unique<MarkSplitStep>(mark));
}

// Components that cut at characters of certain classes.
bool PreTokenizer::read_cutting(const std::string& type, JsonFields& fields) {
  const auto add = [&](const ClassTable& table, uint16_t mask, Behavior behavior) {
    steps_.push_back(std::make_unique<ClassStep>(table, mask, behavior));
  };
  if (type == "Digits") {
    const bool each = fields.flag("individual_digits");
    add(class_table(), kDigit, each ? Behavior::kIsolated : Behavior::kContiguous);
  } else if (type == "WhitespaceSplit") {
    add(class_table(), kSpace, Behavior::kRemoved);
  } else if (type == "Whitespace") {
    steps_.push_back(std::make_unique<WordRunStep>());
  } else if (type == "BertPreTokenizer") {
    add(fold_table(), kWhiteSpace, Behavior::kRemoved);
    add(fold_table(), kBertPunctuation, Behavior::kIsolated);
  } else if (type == "Punctuation") {
    const bool given = fields.find("behavior") != nullptr;
    add(fold_table(), kBertPunctuation, given ? read_behavior(fields) : Behavior::kIsolated);
  } else if (type == "CharDelimiterSplit") {
    const std::string& delimiter = fields.text("delimiter");
    if (delimiter.empty() || utf8_at(delimiter, 0).size != delimiter.size())
      fields.fail("delimiter", "must be one character");
    steps_.push_back(std::make_unique<DelimiterStep>(delimiter));
  } else if (type == "FixedLength") {
    const bool given = fields.find("length") != nullptr;
    const int64_t length = given ? fields.integer("length", 1, INT32_MAX) : 5;
    steps_.push_back(std::make_unique<FixedLengthStep>(static_cast<size_t>(length)));
  } else if (type == "UnicodeScripts") {
    steps_.push_back(std::make_unique<ScriptStep>());
  } else {
    return false;
  }
  return true;
}

void PreTokenizer::read(const Json& component, const std::string& path, int depth) {
  JsonFields fields(component, path);
  const std::string& type = fields.text("type");
  if (byte_level_) spell_bytes();
  if (type == "ByteLevel") {
    read_byte_level(fields);
  } else if (type == "Split") {
    read_split(fields);
  } else if (type == "Metaspace") {
    rule_.reset();
    read_metaspace(fields);
  } else if (type == "Sequence" && depth < kMaxDepth) {
    const Json& list = fields.array("pretokenizers", kMaxSteps);
    for (size_t i = 0; i < list.size(); ++i) {
      read(list[i], fields.path_of("pretokenizers") + "[" + std::to_string(i) + "]", depth + 1);
    }
  } else if (read_cutting(type, fields)) {
    rule_.reset();
  } else {
    fields.fail("type", "the pre-tokenizer " + quote(type) +
                            " is not known; known: BertPreTokenizer, ByteLevel, "
                            "CharDelimiterSplit, Digits, FixedLength, Metaspace, Punctuation, "
                            "Sequence, Split, UnicodeScripts, Whitespace, WhitespaceSplit");
  }
  fields.done();
  if (steps_.size() > kMaxSteps) {
    throw Error(path + ": more than " + std::to_string(kMaxSteps) + " steps");
  }
}

void PreTokenizer::cut(CutText& text) const {
  for (const auto& step : steps_) step->apply(text);
}

}  // namespace weft::text
