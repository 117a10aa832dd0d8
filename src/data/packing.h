// Which pieces of text share a row: best fit decreasing (Johnson, "Near-optimal bin packing
// algorithms", 1973). Planned once for all of them, so that the plan depends on their lengths
// alone, not on ranks or threads. It knows no tokens.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weft::data {

struct PackingPlan {
  std::vector<int64_t> pieces;            // numbers of pieces, row by row
  std::vector<int64_t> row_begins = {0};  // where each row begins in `pieces`, and the end

  int64_t rows() const { return static_cast<int64_t>(row_begins.size()) - 1; }
};

// Longer pieces first, each into the row that it leaves the least room in; a new row where none has
// room. `lengths` are in [1, capacity]. Time n log n, memory 28 bytes for each piece.
PackingPlan pack_best_fit(std::span<const int32_t> lengths, int32_t capacity);

// One piece to a row; `by_length`: shorter ones first, equal ones in their order.
PackingPlan one_to_a_row(std::span<const int32_t> lengths, bool by_length);

}  // namespace weft::data
