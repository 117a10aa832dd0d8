// Learning-rate schedules: the rate of each update as a pure function of its number.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weft::optim {

enum class ScheduleKind : uint8_t { kConstant, kLinear, kCosine, kInverseSqrt, kWsd };
std::string_view name_of(ScheduleKind kind);
constexpr auto values_of(ScheduleKind) {
  return std::array{ScheduleKind::kConstant, ScheduleKind::kLinear, ScheduleKind::kCosine,
                    ScheduleKind::kInverseSqrt, ScheduleKind::kWsd};
}

// The form of the decay of wsd (warmup, stable, decay).
enum class DecayForm : uint8_t { kCosine, kLinear, kSqrt };
std::string_view name_of(DecayForm form);
constexpr auto values_of(DecayForm) {
  return std::array{DecayForm::kCosine, DecayForm::kLinear, DecayForm::kSqrt};
}

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::kCosine;
  double learning_rate = 1e-3;  // at its highest
  int64_t warmup_steps = 0;     // rising linearly from 0
  int64_t total_steps = 0;
  double min_lr_ratio = 0.0;  // where linear, cosine and wsd end, as a part of learning_rate
  int64_t decay_steps = 0;    // wsd: the length of the decay at the end
  DecayForm decay = DecayForm::kCosine;  // wsd; kSqrt: 1 - sqrt(progress)
  int64_t timescale = 0;                 // inverse_sqrt; 0: warmup_steps, or 10,000 without warmup
};

// The rate of update `step`, counted from 0, as Hugging Face's schedules of the same names have it.
double learning_rate(const ScheduleOptions& options, int64_t step);

}  // namespace weft::optim
