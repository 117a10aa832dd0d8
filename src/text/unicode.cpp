// Look-up of character classes (unicode.h).
#include "text/unicode.h"

#include <algorithm>

#include "text/unicode_tables.h"

namespace weft::text {
namespace {

uint32_t end_of_run(std::span<const CodeRun> runs, size_t i) {
  return i + 1 < runs.size() ? runs[i + 1].first : kCodePoints;
}

ClassTable make_class_table() {
  std::vector<uint16_t> flat(kCodePoints);
  const auto runs = class_runs();
  for (size_t i = 0; i < runs.size(); ++i) {
    std::fill(flat.begin() + runs[i].first, flat.begin() + end_of_run(runs, i), runs[i].value);
  }
  return ClassTable(flat);
}

}  // namespace

const ClassTable& class_table() {
  static const ClassTable kTable = make_class_table();
  return kTable;
}

std::vector<CodeRange> ranges_of(uint16_t mask) {
  std::vector<CodeRange> ranges;
  const auto runs = class_runs();
  for (size_t i = 0; i < runs.size(); ++i) {
    if ((runs[i].value & mask) == 0) continue;
    const CodeRange range{runs[i].first, end_of_run(runs, i) - 1};
    if (!ranges.empty() && ranges.back().last + 1 == range.first) {
      ranges.back().last = range.last;
    } else {
      ranges.push_back(range);
    }
  }
  return ranges;
}

}  // namespace weft::text
