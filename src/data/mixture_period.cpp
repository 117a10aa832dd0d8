#include "data/mixture_period.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "weft/error.h"

namespace weft::data {
namespace {

// Multiples of one, at least one each, that sum to `whole`: what rounding leaves goes to the
// largest.
std::vector<int64_t> rounded(std::span<const double> shares, int64_t whole) {
  std::vector<int64_t> parts;
  for (const double share : shares)
    parts.push_back(std::max<int64_t>(1, std::llround(share * static_cast<double>(whole))));
  *std::max_element(parts.begin(), parts.end()) +=
      whole - std::accumulate(parts.begin(), parts.end(), int64_t{0});
  return parts;
}

}  // namespace

MixturePeriod::MixturePeriod(std::span<const double> shares)
    : size_(shares.size()), parts_(rounded(shares, kLength)) {
  WEFT_ASSERT(size_ >= 2 && size_ <= 4096);
  fill();
}

// Of those who are owed enough of a sample, the one whose limit would be reached first has it.
void MixturePeriod::fill() {
  const double slack = 1.0 / (2.0 * static_cast<double>(size_) - 2.0);
  std::vector<int64_t> had(size_, 0);
  for (int64_t n = 0; n < kLength; ++n) {
    if (n % kBlock == 0)
      for (const int64_t count : had) counts_.push_back(static_cast<int32_t>(count));
    size_t chosen = size_;
    double earliest = HUGE_VAL;
    for (size_t i = 0; i < size_; ++i) {
      const double share = static_cast<double>(parts_[i]) / static_cast<double>(kLength);
      const double owed = static_cast<double>(n + 1) * share - static_cast<double>(had[i]);
      const double limit = (1 - slack - owed) / share;
      if (owed < slack || limit >= earliest) continue;
      earliest = limit;
      chosen = i;
    }
    WEFT_ASSERT(chosen < size_);  // what is owed sums to one sample
    ++had[chosen];
    order_.push_back(static_cast<uint16_t>(chosen));
  }
  WEFT_ASSERT(had == parts_);
}

int64_t MixturePeriod::count_before(int64_t position, size_t which) const {
  const int64_t block = position / kBlock;
  const auto first = order_.begin() + block * kBlock, end = order_.begin() + position;
  return counts_[static_cast<size_t>(block) * size_ + which] +
         std::count(first, end, static_cast<uint16_t>(which));
}

std::pair<size_t, int64_t> MixturePeriod::operator()(int64_t sample) const {
  const int64_t position = sample % kLength;
  const size_t which = order_[static_cast<size_t>(position)];
  return {which, sample / kLength * parts_[which] + count_before(position, which)};
}

std::vector<int64_t> MixturePeriod::counts(int64_t samples) const {
  std::vector<int64_t> counts;
  for (size_t i = 0; i < size_; ++i)
    counts.push_back(samples / kLength * parts_[i] + count_before(samples % kLength, i));
  return counts;
}

}  // namespace weft::data
