// The member "pre_tokenizer" of a tokenizer.json: how text is cut into words, which are then
// encoded each on its own. Not here: the hand-written rules (word_splitter.h), the model.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_fields.h"
#include "text/text_edit.h"
#include "text/word_splitter.h"

namespace weft::text {

// A text on its way through the steps: `ranges` of `text` are its words so far.
struct CutText {
  struct Range {
    size_t begin, end;
  };

  // `at_start`: the text is the beginning of what was given, not behind an added token.
  void start(std::string_view given, bool at_start);
  // The same, and keeps up where the bytes came from; `origin` is that of `given`.
  void start(std::string_view given, std::span<const TextSpan> origin, bool at_start);
  std::string_view word(size_t i) const {
    return text.substr(ranges[i].begin, ranges[i].end - ranges[i].begin);
  }

  std::string_view text;  // what was given, or `changed`
  std::string changed;
  std::vector<TextSpan> origin;  // by byte of `text`; empty where nobody asked
  std::vector<Range> ranges;
  bool at_start = true;
};

// Immutable.
class PreTokenizerStep {
 public:
  virtual ~PreTokenizerStep() = default;
  virtual void apply(CutText& text) const = 0;
};

class PreTokenizer {
 public:
  // BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, FixedLength, Metaspace, Punctuation,
  // Split, UnicodeScripts, Whitespace, WhitespaceSplit and Sequence of them; null does not cut.
  // Throws Error naming `path` and what is unknown or malformed.
  PreTokenizer(const Json& component, const std::string& path);

  // Whether words are to be encoded as bytes: ByteLevel is the last component, and its letters are
  // left to the model, which is faster.
  bool byte_level() const { return byte_level_; }
  // For models that know no bytes, and steps that want letters: from here on words have them.
  void spell_bytes();
  // Whether BertPreTokenizer is all there is.
  bool only_bert() const { return only_bert_; }
  // Set where a single rule does it all; then cut_words() does what cut() does, faster.
  std::optional<WordRule> rule() const { return rule_; }
  // Cuts text that start() has put into `text`.
  void cut(CutText& text) const;

 private:
  void read(const Json& component, const std::string& path, int depth);
  void read_byte_level(JsonFields& fields);
  void read_split(JsonFields& fields);
  void read_metaspace(JsonFields& fields);
  bool read_cutting(const std::string& type, JsonFields& fields);
  void add_rule(WordRule rule);

  bool byte_level_ = false;
  bool only_bert_ = false;
  std::optional<WordRule> rule_;
  std::vector<std::unique_ptr<const PreTokenizerStep>> steps_;
};

}  // namespace weft::text
