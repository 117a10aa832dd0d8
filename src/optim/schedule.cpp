#include "optim/schedule.h"

#include <algorithm>
#include <cmath>

#include "weft/portable_math.h"

namespace weft::optim {

std::string_view name_of(ScheduleKind kind) {
  switch (kind) {
    case ScheduleKind::kConstant: return "constant";
    case ScheduleKind::kLinear: return "linear";
    case ScheduleKind::kCosine: return "cosine";
    case ScheduleKind::kInverseSqrt: return "inverse_sqrt";
    case ScheduleKind::kWsd: return "wsd";
  }
  return "?";
}

std::string_view name_of(DecayForm form) {
  switch (form) {
    case DecayForm::kCosine: return "cosine";
    case DecayForm::kLinear: return "linear";
    case DecayForm::kSqrt: return "1-sqrt";
  }
  return "?";
}

namespace {

constexpr double kPi = 3.14159265358979323846;

double ratio(int64_t part, int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(std::max<int64_t>(1, whole));
}

// From 1 at progress 0 to 0 at progress 1.
double cosine_fall(double progress) {
  return std::max(0.0, 0.5 * (1 + portable::sin_cos(kPi * progress).cos));
}

double inverse_sqrt(const ScheduleOptions& o, int64_t step) {
  const int64_t timescale =
      o.timescale > 0 ? o.timescale : (o.warmup_steps > 0 ? o.warmup_steps : 10000);
  return 1.0 / std::sqrt(ratio(step + timescale - o.warmup_steps, timescale));
}

double wsd(const ScheduleOptions& o, int64_t step) {
  const int64_t decay_start = o.total_steps - o.decay_steps;
  if (step < decay_start) return 1.0;
  const double progress = std::min(1.0, ratio(step - decay_start, o.decay_steps));
  switch (o.decay) {
    case DecayForm::kCosine: return cosine_fall(progress);
    case DecayForm::kLinear: return 1 - progress;
    case DecayForm::kSqrt: return 1 - std::sqrt(progress);
  }
  return 0.0;
}

// The part of the highest rate, before the floor is put under it.
double factor(const ScheduleOptions& o, int64_t step) {
  if (step < o.warmup_steps) return ratio(step, o.warmup_steps);
  const double progress =
      std::min(1.0, ratio(step - o.warmup_steps, o.total_steps - o.warmup_steps));
  switch (o.kind) {
    case ScheduleKind::kConstant: return 1.0;
    case ScheduleKind::kLinear: return 1 - progress;
    case ScheduleKind::kCosine: return cosine_fall(progress);
    case ScheduleKind::kInverseSqrt: return inverse_sqrt(o, step);
    case ScheduleKind::kWsd: return wsd(o, step);
  }
  return 0.0;
}

}  // namespace

double learning_rate(const ScheduleOptions& options, int64_t step) {
  const double part = factor(options, step);
  // Hugging Face's wsd warms up from the floor, its other schedules from 0.
  const bool floored = step >= options.warmup_steps || options.kind == ScheduleKind::kWsd;
  const double floor = floored ? options.min_lr_ratio : 0.0;
  return options.learning_rate * (part * (1 - floor) + floor);
}

}  // namespace weft::optim
