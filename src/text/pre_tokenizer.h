// The member "pre_tokenizer" of a tokenizer.json: how text is cut into words, which are then
// encoded each on its own. Not here: the hand-written rules (word_splitter.h), the model.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_fields.h"
#include "text/word_splitter.h"

namespace weft::text {

// A text on its way through the steps: `ranges` of `text` are its words so far.
struct CutText {
  struct Range {
    size_t begin, end;
  };

  // `at_start`: the text is the beginning of what was given, not behind an added token.
  void start(std::string_view given, bool at_start);
  std::string_view word(size_t i) const {
    return text.substr(ranges[i].begin, ranges[i].end - ranges[i].begin);
  }

  std::string_view text;  // what was given, or `changed`
  std::string changed;
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
  // Split, ByteLevel, Metaspace, Digits, WhitespaceSplit and Sequence of them; null does not cut.
  // Throws Error naming `path` and what is unknown or malformed.
  PreTokenizer(const Json& component, const std::string& path);

  // Whether words are to be encoded as bytes.
  bool byte_level() const { return byte_level_; }
  // Set where a single rule does it all; then cut_words() does what cut() does, faster.
  std::optional<WordRule> rule() const { return rule_; }
  // Cuts text that start() has put into `text`.
  void cut(CutText& text) const;

 private:
  void read(const Json& component, const std::string& path, int depth);
  void read_byte_level(JsonFields& fields);
  void read_split(JsonFields& fields);
  void add_rule(WordRule rule);

  bool byte_level_ = false;
  std::optional<WordRule> rule_;
  std::vector<std::unique_ptr<const PreTokenizerStep>> steps_;
};

}  // namespace weft::text
