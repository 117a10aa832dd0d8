#include "data/packing.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "weft/error.h"

namespace weft::data {
namespace {

// Rows by the room that is left in them.
class OpenRows {
 public:
  explicit OpenRows(int32_t capacity) : capacity_(capacity) {}

  // The row that a piece of `length` goes into.
  int64_t place(int32_t length) {
    const auto fits = by_room_.lower_bound(length);
    int64_t row = count_;
    int32_t room = capacity_;
    if (fits == by_room_.end()) {
      ++count_;
    } else {
      room = fits->first;
      row = fits->second.back();
      fits->second.pop_back();
      if (fits->second.empty()) by_room_.erase(fits);
    }
    if (room > length) by_room_[room - length].push_back(row);
    return row;
  }
  int64_t count() const { return count_; }

 private:
  int32_t capacity_;
  int64_t count_ = 0;
  std::map<int32_t, std::vector<int64_t>> by_room_;
};

std::vector<int64_t> numbers(size_t count) {
  std::vector<int64_t> all(count);
  std::iota(all.begin(), all.end(), int64_t{0});
  return all;
}

}  // namespace

PackingPlan pack_best_fit(std::span<const int32_t> lengths, int32_t capacity) {
  const auto length = [&](int64_t piece) { return lengths[static_cast<size_t>(piece)]; };
  std::vector<int64_t> order = numbers(lengths.size());
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return length(a) > length(b); });
  OpenRows rows(capacity);
  std::vector<int64_t> row_of(lengths.size());
  for (const int64_t piece : order) {
    WEFT_ASSERT(length(piece) >= 1 && length(piece) <= capacity);
    row_of[static_cast<size_t>(piece)] = rows.place(length(piece));
  }
  PackingPlan plan;
  plan.row_begins.assign(static_cast<size_t>(rows.count()) + 1, 0);
  for (const int64_t row : row_of) ++plan.row_begins[static_cast<size_t>(row) + 1];
  std::partial_sum(plan.row_begins.begin(), plan.row_begins.end(), plan.row_begins.begin());
  std::vector<int64_t> next(plan.row_begins.begin(), plan.row_begins.end() - 1);
  plan.pieces.resize(lengths.size());
  for (size_t piece = 0; piece < row_of.size(); ++piece)
    plan.pieces[static_cast<size_t>(next[static_cast<size_t>(row_of[piece])]++)] =
        static_cast<int64_t>(piece);
  return plan;
}

PackingPlan one_to_a_row(std::span<const int32_t> lengths, bool by_length) {
  PackingPlan plan{.pieces = numbers(lengths.size()), .row_begins = numbers(lengths.size() + 1)};
  if (by_length)
    std::stable_sort(plan.pieces.begin(), plan.pieces.end(), [&](int64_t a, int64_t b) {
      return lengths[static_cast<size_t>(a)] < lengths[static_cast<size_t>(b)];
    });
  return plan;
}

}  // namespace weft::data
