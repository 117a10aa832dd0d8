// Look-up in the pinned tables (fold_tables.h). Not here: where they come from
// (scripts/make_fold_tables).
#include "text/fold_tables.h"

#include <algorithm>
#include <vector>

#include "text/unicode_tables.h"

namespace weft::text {
namespace {

struct CodePair {
  uint32_t code;
  uint32_t lower;
};
struct CompatibleRow {
  uint32_t whole;
  uint16_t first;  // in kCompatibleParts
  uint16_t count;
};

#include "text/fold_tables.def"

ClassTable table_of(std::span<const CodeRun> runs) {
  std::vector<uint16_t> flat(kCodePoints);
  for (size_t i = 0; i < runs.size(); ++i) {
    const uint32_t end = i + 1 < runs.size() ? runs[i + 1].first : kCodePoints;
    std::fill(flat.begin() + runs[i].first, flat.begin() + end, runs[i].value);
  }
  return ClassTable(flat);
}

}  // namespace

const ClassTable& fold_table() {
  static const ClassTable kTable = table_of(kFoldRuns);
  return kTable;
}

const ClassTable& cluster_table() {
  static const ClassTable kTable = table_of(kClusterRuns);
  return kTable;
}

LowerCase lower_case(uint32_t code) {
  if (code < 0x80) return {code >= 'A' && code <= 'Z' ? code + 32 : code, 0};
  if (code == 0x130) return {'i', 0x307};
  const auto row = std::ranges::lower_bound(kLowerPairs, code, {}, &CodePair::code);
  const bool found = row != std::end(kLowerPairs) && row->code == code;
  return {found ? row->lower : code, 0};
}

std::span<const uint32_t> compatible_parts(uint32_t code) {
  const auto row = std::ranges::lower_bound(kCompatibleRows, code, {}, &CompatibleRow::whole);
  if (row == std::end(kCompatibleRows) || row->whole != code) return {};
  return std::span(kCompatibleParts).subspan(row->first, row->count);
}

}  // namespace weft::text
