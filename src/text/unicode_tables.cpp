// The pinned Unicode data in the program. Not here: where it comes from
// (scripts/make_unicode_tables).
#include "text/unicode_tables.h"

namespace weft::text {
namespace {

#include "text/unicode_tables.def"

}  // namespace

std::span<const CodeRun> class_runs() {
  return kClassRuns;
}
std::span<const CodeRun> combining_runs() {
  return kCombiningRuns;
}
std::span<const Decomposition> decompositions() {
  return kDecompositions;
}

}  // namespace weft::text
