// Series of numbers over steps, and axes with round numbers: what curves in terminals and pages are
// drawn from.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/log_record.h"

namespace weft::report {

struct Series {
  std::string name;
  std::vector<double> x;  // ascending
  std::vector<double> y;  // as many; NaN and infinities are kept
};

// The values of the field `name` of LogRecord (a key of log.jsonl) over the steps that have one.
Series series_of(std::span<const LogRecord> records, std::string_view name);

// At most `limit` >= 8 points. Of each stretch the lowest and the highest value are kept, and one
// that is NaN or infinite if there is any, so no spike and no gap disappears; so are the first and
// last.
Series downsampled(const Series& series, size_t limit);

// The mean of the values up to `radius` places before and after each one; near the ends of as many
// as there are on both sides, so that a falling curve is not bent. Values that are not finite stay
// as they are and are left out of the means.
std::vector<double> smoothed(std::span<const double> values, size_t radius);

struct Range {
  double low = 0;
  double high = 0;
};

// Smallest and largest finite value; {0, 0} if there is none.
Range finite_range(std::span<const double> values);
size_t count_not_finite(std::span<const double> values);

struct Axis {
  double low = 0;
  double high = 1;                 // above low
  std::vector<double> ticks;       // round numbers in [low, high], ascending
  std::vector<std::string> texts;  // one for each tick, equally precise

  // Where `value` lies: 0 at low, 1 at high.
  double share(double value) const { return (value - low) / (high - low); }
};

// An axis over the range with up to `ticks` >= 2 round numbers on it. A range of one value is
// widened.
Axis make_axis(Range range, int ticks);

}  // namespace weft::report
