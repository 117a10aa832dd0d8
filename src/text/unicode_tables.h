// The pinned Unicode data as it is generated (unicode_tables.def). Not here: how to use it
// (unicode.h, normalization.h).
#pragma once

#include <cstdint>
#include <span>

namespace weft::text {

// All code points from `first` to the next row's share `value`.
struct CodeRun {
  uint32_t first;
  uint16_t value;
};

struct Decomposition {
  uint32_t whole;
  uint32_t first;
  uint32_t second;    // 0: the whole is another way to write `first`
  uint32_t composes;  // 1: NFC joins the parts again
};

std::span<const CodeRun> class_runs();      // value: CharClass bits
std::span<const CodeRun> combining_runs();  // value: canonical combining class
std::span<const Decomposition> decompositions();

}  // namespace weft::text
