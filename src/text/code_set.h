// Sets of code points, for compiling regular expressions. Not here: what the classes are
// (unicode.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/unicode.h"

namespace weft::text {

// Sorted, disjoint ranges that do not touch; code points up to U+10FFFF.
class CodeSet {
 public:
  CodeSet() = default;
  static CodeSet of_class(uint16_t mask);

  void add(uint32_t first, uint32_t last);
  void add(const CodeSet& other);
  CodeSet complement() const;
  bool contains(uint32_t code) const;
  std::span<const CodeRange> ranges() const { return ranges_; }
  bool operator==(const CodeSet& other) const;

 private:
  std::vector<CodeRange> ranges_;
};

}  // namespace weft::text
