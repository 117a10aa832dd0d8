// Series and axes; see series.h.
#include "report/series.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "report/number_text.h"
#include "weft/error.h"

namespace weft::report {
namespace {

// Adds the points of [begin, end) that must be kept, in their order.
void keep_extremes(const Series& from, size_t begin, size_t end, Series& to) {
  constexpr size_t kNone = std::numeric_limits<size_t>::max();
  size_t low = kNone, high = kNone, odd = kNone;
  for (size_t i = begin; i < end; ++i) {
    if (!std::isfinite(from.y[i])) {
      if (odd == kNone) odd = i;
      continue;
    }
    if (low == kNone || from.y[i] < from.y[low]) low = i;
    if (high == kNone || from.y[i] > from.y[high]) high = i;
  }
  std::array<size_t, 3> kept{low, high, odd};
  std::sort(kept.begin(), kept.end());
  for (size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] == kNone || (i > 0 && kept[i] == kept[i - 1])) continue;
    to.x.push_back(from.x[kept[i]]);
    to.y.push_back(from.y[kept[i]]);
  }
}

// 1, 2 or 5 times a power of ten, at least `least`.
double round_step(double least) {
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

// Text of a tick, in thousands and millions where all of the axis is of that size.
std::string tick_text(double value, double step, double largest) {
  if (value == 0) return "0";
  if (largest >= 1e15 || largest < 1e-3) {
    const double decimals = std::floor(std::log10(largest)) - std::floor(std::log10(step) + 1e-9);
    return scientific(value, static_cast<int>(std::clamp(decimals, 0.0, 6.0)));
  }
  double divisor = 1;
  const char* unit = "";
  for (const auto& [size, letter] : {std::pair{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}}) {
    if (largest < size) continue;
    divisor = *letter == 'k' ? 1e3 : size;
    unit = letter;
    break;
  }
  const double decimals = std::ceil(-std::log10(step / divisor) - 1e-9);
  return fixed(value / divisor, static_cast<int>(std::clamp(decimals, 0.0, 12.0))) + unit;
}

}  // namespace

Series series_of(std::span<const LogRecord> records, std::string_view name) {
  Series series{.name = std::string(name), .x = {}, .y = {}};
  for (const LogRecord& record : records) {
    record.visit_values([&](std::string_view field, const auto& value) {
      if (field != name || !value) return;
      series.x.push_back(static_cast<double>(record.step));
      series.y.push_back(static_cast<double>(*value));
    });
  }
  return series;
}

Series downsampled(const Series& series, size_t limit) {
  WEFT_ASSERT(limit >= 8 && series.x.size() == series.y.size());
  const size_t size = series.x.size();
  if (size <= limit) return series;
  const size_t per_stretch = count_not_finite(series.y) > 0 ? 3 : 2;
  const size_t stretches = (limit - 2) / per_stretch;
  Series result{.name = series.name, .x = {series.x.front()}, .y = {series.y.front()}};
  const size_t inner = size - 2;
  for (size_t i = 0; i < stretches; ++i) {
    keep_extremes(series, 1 + inner * i / stretches, 1 + inner * (i + 1) / stretches, result);
  }
  result.x.push_back(series.x.back());
  result.y.push_back(series.y.back());
  return result;
}

std::vector<double> smoothed(std::span<const double> values, size_t radius) {
  std::vector<double> sums{0};  // of the finite values before each place
  std::vector<double> counts{0};
  for (const double value : values) {
    const bool finite = std::isfinite(value);
    sums.push_back(sums.back() + (finite ? value : 0));
    counts.push_back(counts.back() + (finite ? 1 : 0));
  }
  std::vector<double> result(values.begin(), values.end());
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    const size_t reach = std::min({radius, i, values.size() - 1 - i});
    const size_t begin = i - reach, end = i + reach + 1;
    result[i] = (sums[end] - sums[begin]) / (counts[end] - counts[begin]);
  }
  return result;
}

Range finite_range(std::span<const double> values) {
  Range range{.low = std::numeric_limits<double>::infinity(),
              .high = -std::numeric_limits<double>::infinity()};
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    range.low = std::min(range.low, value);
    range.high = std::max(range.high, value);
  }
  return range.low <= range.high ? range : Range{};
}

size_t count_not_finite(std::span<const double> values) {
  return static_cast<size_t>(
      std::count_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); }));
}

Axis make_axis(Range range, int ticks) {
  WEFT_ASSERT(ticks >= 2 && range.low <= range.high);
  // Beyond this the width of the range would overflow.
  constexpr double kLargest = std::numeric_limits<double>::max() / 4;
  Axis axis{.low = std::clamp(range.low, -kLargest, kLargest),
            .high = std::clamp(range.high, -kLargest, kLargest),
            .ticks = {},
            .texts = {}};
  const double largest = std::max(std::abs(axis.low), std::abs(axis.high));
  constexpr double kSmallest = 1e-290;  // below, steps between ticks would underflow
  if (axis.high - axis.low <= std::max(largest * 1e-9, kSmallest)) {
    const double margin = largest <= kSmallest ? 1 : largest * 0.1;
    axis.low -= margin;
    axis.high += margin;
  }
  const double step = round_step((axis.high - axis.low) / ticks);
  const double end = axis.high + step * 1e-6;
  for (double i = std::ceil(axis.low / step - 1e-6); i * step <= end; ++i) {
    axis.ticks.push_back(i * step);
    axis.texts.push_back(tick_text(i * step, step, largest));
  }
  return axis;
}

}  // namespace weft::report
