#include "train/spike_detector.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weft::train {
namespace {

constexpr double kDeviationsBetweenQuartiles = 1.349;  // of a normal distribution

}  // namespace

SpikeDetector::SpikeDetector(const Options& options) : options_(options) {
  values_.reserve(options_.window);
  sorted_.reserve(options_.window);
}

void SpikeDetector::sort() const {
  sorted_.assign(values_.begin(), values_.end());
  std::sort(sorted_.begin(), sorted_.end());
}

// After sort(), of at least one value.
double SpikeDetector::quantile(double share) const {
  const double at = share * static_cast<double>(sorted_.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted_.size() - 1);
  return sorted_[below] + (at - static_cast<double>(below)) * (sorted_[above] - sorted_[below]);
}

double SpikeDetector::limit() const {
  if (values_.empty() || values_.size() < options_.least_values)
    return std::numeric_limits<double>::infinity();
  sort();
  const double deviation = (quantile(0.75) - quantile(0.25)) / kDeviationsBetweenQuartiles;
  return quantile(0.5) + std::max(options_.deviations * deviation, options_.least_rise);
}

double SpikeDetector::median() const {
  if (values_.empty()) return std::numeric_limits<double>::quiet_NaN();
  sort();
  return quantile(0.5);
}

bool SpikeDetector::is_spike(double value) const {
  return std::isfinite(value) && value > limit();
}

void SpikeDetector::add(double value) {
  if (!std::isfinite(value)) return;
  if (values_.size() == options_.window) values_.erase(values_.begin());
  values_.push_back(value);
}

void SpikeDetector::restore(const std::vector<double>& values) {
  values_.clear();
  for (const double value : values) add(value);
}

}  // namespace weft::train
