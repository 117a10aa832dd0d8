// The words that tokenizers are learned from: text as the tokenizer to come will normalize and cut
// it. Not here: counting (word_counts.h), learning.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/word_splitter.h"

namespace weft::text {

// The components of a tokenizer.json through which text goes on its way to words.
struct WordComponents {
  nlohmann::ordered_json normalizer, pre_tokenizer;
  // Words are further cut where letters, numbers, white space and other characters meet, so that no
  // token holds more than one kind, and long runs at places fixed by the text. U+2581 belongs to
  // what follows it.
  bool cuts_at_kinds = false;
  bool single_digits = false;  // with cuts_at_kinds: every digit is a word of its own
};

// Immutable.
class WordCutter {
 public:
  // Characters of a word at most, where words are cut at kinds.
  static constexpr size_t kMaxCharacters = 64;

  // Buffers of a call; one thread at a time.
  struct Scratch {
    std::string normalized;
    CutText cut;
  };

  // Byte-level words.
  explicit WordCutter(WordRule rule);
  explicit WordCutter(WordComponents components);

  // Set for byte-level words: cut_words() does it all.
  std::optional<WordRule> rule() const { return rule_; }
  // Empty with a rule.
  const WordComponents& components() const { return components_; }
  // Leaves the words of `text` as ranges of scratch.cut.text. Only without a rule.
  void cut(std::string_view text, Scratch& scratch) const;

 private:
  void cut_at_kinds(CutText& cut) const;
  size_t end_of_word(std::string_view word, size_t begin) const;

  std::optional<WordRule> rule_;
  WordComponents components_;
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
};

}  // namespace weft::text
