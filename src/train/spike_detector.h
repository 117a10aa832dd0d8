// Tells a value that jumps out of a series from the series' own noise, by running quantiles: the
// median and the quartiles of the last values, which a few outliers do not move. It decides
// nothing; what a run does about a spike is step_guard.h's.
#pragma once

#include <cstddef>
#include <vector>

namespace weft::train {

class SpikeDetector {
 public:
  // A value is a spike if it lies above the median by more than `deviations` standard deviations,
  // as the quartiles say them, and by more than `least_rise`. Nothing is one before `least_values`
  // were seen.
  struct Options {
    size_t window = 128;
    size_t least_values = 32;
    double deviations = 10;
    double least_rise = 0;
  };
  explicit SpikeDetector(const Options& options);

  // Of the next value, which is not added. NaN and infinities are no spikes: they are worse, and
  // told apart from them.
  bool is_spike(double value) const;
  // The value above which the next one is a spike; infinite where too few are known.
  double limit() const;
  double median() const;  // NaN without any value
  // Values that are not finite change nothing.
  void add(double value);

  // The last values, oldest first: with restore(), all the state there is. restore() leaves out
  // what is not finite and what is older than the window.
  const std::vector<double>& values() const { return values_; }
  void restore(const std::vector<double>& values);
  void forget() { values_.clear(); }

 private:
  double quantile(double share) const;
  void sort() const;

  Options options_;
  std::vector<double> values_;
  mutable std::vector<double> sorted_;  // taken once, so that a step allocates nothing
};

}  // namespace weft::train
