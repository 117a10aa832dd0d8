// Character classes from the pinned tables: the same on every machine, whatever Unicode version its
// libraries have. Not here: regular expressions (regex.h), normalization (normalization.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "text/utf8.h"

namespace weft::text {

// Bits. The order is that of scripts/make_unicode_tables.
enum CharClass : uint16_t {
  kLetter = 1 << 0,
  kUpper = 1 << 1,
  kLower = 1 << 2,
  kTitle = 1 << 3,
  kModifierLetter = 1 << 4,
  kOtherLetter = 1 << 5,
  kMark = 1 << 6,
  kNumber = 1 << 7,
  kDecimal = 1 << 8,
  kPunctuation = 1 << 9,
  kSymbol = 1 << 10,
  kSpace = 1 << 11,      // \s
  kRegexWord = 1 << 12,  // \w of a tokenizer's regular expressions
  kDigit = 1 << 13,      // the pre-tokenizer Digits
  kWord = 1 << 14,       // what makes a neighbour of a `single_word` token
  kUnsettled = 1 << 15,  // NFC may change it or join it to the character before
};

inline constexpr uint32_t kCodePoints = 0x110000;

// A value for each code point, in blocks of 256 of which equal ones are kept once.
template <class Value>
class CodeTable {
 public:
  // `flat` has kCodePoints values.
  explicit CodeTable(const std::vector<Value>& flat) {
    std::map<std::vector<Value>, uint32_t> known;
    for (size_t b = 0; b < block_of_.size(); ++b) {
      const auto first = flat.begin() + static_cast<std::ptrdiff_t>(b * kBlock);
      std::vector<Value> block(first, first + kBlock);
      const auto [it, fresh] = known.emplace(block, static_cast<uint32_t>(values_.size()));
      if (fresh) values_.insert(values_.end(), block.begin(), block.end());
      block_of_[b] = it->second;
    }
  }

  // Zero for kInvalidByte and all that is not a code point.
  Value operator[](uint32_t code) const {
    return code < kCodePoints ? values_[block_of_[code / kBlock] + code % kBlock] : Value{0};
  }

 private:
  static constexpr uint32_t kBlock = 256;
  std::array<uint32_t, kCodePoints / kBlock> block_of_{};
  std::vector<Value> values_;
};

// CharClass bits. Made at the first call (about a millisecond).
using ClassTable = CodeTable<uint16_t>;
const ClassTable& class_table();

struct CodeRange {
  uint32_t first, last;  // inclusive
};

// Where any of the bits of `mask` is set, in order.
std::vector<CodeRange> ranges_of(uint16_t mask);

}  // namespace weft::text
