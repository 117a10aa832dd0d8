// Look-up of scripts (script_table.h). Not here: where they come from (scripts/make_script_table).
#include "text/script_table.h"

#include <algorithm>
#include <iterator>

#include "text/unicode_tables.h"

namespace weft::text {
namespace {

#include "text/script_table.def"

}  // namespace

const ClassTable& script_table() {
  static const ClassTable kTable = [] {
    std::vector<uint16_t> flat(kCodePoints);
    for (size_t i = 0; i < std::size(kScriptRuns); ++i) {
      const uint32_t end = i + 1 < std::size(kScriptRuns) ? kScriptRuns[i + 1].first : kCodePoints;
      std::fill(flat.begin() + kScriptRuns[i].first, flat.begin() + end, kScriptRuns[i].value);
    }
    return ClassTable(flat);
  }();
  return kTable;
}

}  // namespace weft::text
