// The characters of a corpus that a tokenizer of text is given tokens for. Not here: the alphabet
// of byte-level tokenizers (byte_alphabet.h).
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/word_counts.h"

namespace weft::text {

class TextAlphabet {
 public:
  // The most frequent characters, among equal ones those with the lower codes, until they are
  // `coverage` (of (0, 1]) of the text. U+2581 is one of them if the text has it. Throws Error for
  // a coverage out of range and a corpus without words. The characters of `always` (ASCII) are
  // there even if the text lacks them.
  TextAlphabet(const WordCounts& words, double coverage, std::string_view always = {});

  // In order of their codes.
  const std::vector<uint32_t>& characters() const { return characters_; }
  // The place of a character in characters(), or -1.
  int32_t index(uint32_t code) const {
    const auto known = index_.find(code);
    return known == index_.end() ? -1 : known->second;
  }
  // Occurrences of other characters.
  int64_t left_out() const { return left_out_; }

 private:
  std::vector<uint32_t> characters_;
  std::unordered_map<uint32_t, int32_t> index_;
  int64_t left_out_ = 0;
};

}  // namespace weft::text
