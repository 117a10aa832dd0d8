#include "data/exact_median.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <span>

#include "weft/error.h"

namespace weft::data {
namespace {

constexpr int kDigitBits = 16;
constexpr uint64_t kDigits = uint64_t{1} << kDigitBits;

// Ascends with the value: negative numbers have all their bits turned, others their sign.
uint64_t ordered(double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  return bits >> 63 != 0 ? ~bits : bits | uint64_t{1} << 63;
}
double value_of(uint64_t key) {
  return std::bit_cast<double>(key >> 63 != 0 ? key & ~(uint64_t{1} << 63) : ~key);
}

}  // namespace

ExactMedian::ExactMedian(FileSystem& files, Path file, size_t in_memory)
    : files_(files), file_(std::move(file)), in_memory_(in_memory) {
  WEFT_ASSERT(in_memory > 0);
}

void ExactMedian::add(double value) {
  if (values_.size() == in_memory_) spill();
  values_.push_back(value + 0.0);  // -0 becomes 0
  ++count_;
}

void ExactMedian::spill() {
  const auto file =
      files_.open_for_writing(file_, spilled_ ? WriteMode::kAppend : WriteMode::kReplace);
  file->write(std::as_bytes(std::span(values_)));
  file->close();
  spilled_ = true;
  values_.clear();
}

template <class Visit>
void ExactMedian::for_each(Visit visit) const {
  for (const double value : values_) visit(value);
  if (!spilled_) return;
  const auto file = files_.open_for_reading(file_, ReadFrom::kCache);
  std::vector<double> block(in_memory_);
  for (int64_t left = count_ - static_cast<int64_t>(values_.size()); left > 0;) {
    const size_t wanted =
        static_cast<size_t>(std::min<int64_t>(left, static_cast<int64_t>(in_memory_)));
    std::span<std::byte> room = std::as_writable_bytes(std::span(block).first(wanted));
    for (size_t got = 1; !room.empty(); room = room.subspan(got)) {
      got = file->read(room);
      if (got == 0) throw Error("the file of a column's values is cut short while it is in use");
    }
    for (size_t i = 0; i < wanted; ++i) visit(block[i]);
    left -= static_cast<int64_t>(wanted);
  }
}

double ExactMedian::select(int64_t rank) const {
  uint64_t known = 0;  // the digits found so far
  std::vector<int64_t> counts(kDigits);
  for (int shift = 64 - kDigitBits; shift >= 0; shift -= kDigitBits) {
    std::fill(counts.begin(), counts.end(), 0);
    const uint64_t above = shift + kDigitBits == 64 ? 0 : ~uint64_t{0} << (shift + kDigitBits);
    for_each([&](double value) {
      const uint64_t key = ordered(value);
      if ((key & above) == known) ++counts[key >> shift & (kDigits - 1)];
    });
    uint64_t digit = 0;
    for (; rank >= counts[digit]; ++digit) rank -= counts[digit];
    known |= digit << shift;
  }
  return value_of(known);
}

double ExactMedian::median() {
  WEFT_ASSERT(count_ > 0);
  const int64_t upper = count_ / 2, lower = (count_ - 1) / 2;
  const auto value_at = [&](int64_t rank) {
    if (spilled_) return select(rank);
    const auto at = values_.begin() + rank;
    std::nth_element(values_.begin(), at, values_.end());
    return *at;
  };
  const double low = value_at(lower);
  return lower == upper ? low : std::midpoint(low, value_at(upper));
}

}  // namespace weft::data
