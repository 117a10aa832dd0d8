#include "train/step_guard.h"

#include <algorithm>
#include <cmath>

#include "report/number_text.h"

namespace weft::train {
namespace {

constexpr int64_t kMaxNotApplied = 10;  // updates in a row that change nothing

// Nats a token, and a factor of 8 of the gradient norm: less harms no run, however quiet it was.
constexpr SpikeDetector::Options kLosses{.least_rise = 0.2};
constexpr SpikeDetector::Options kLogNorms{.least_rise = 2.08};

Judgment::Action action_of(NonFinitePolicy policy) {
  if (policy == NonFinitePolicy::kStop) return Judgment::Action::kStop;
  return policy == NonFinitePolicy::kRewind ? Judgment::Action::kRewind : Judgment::Action::kGoOn;
}

Judgment::Action action_of(SpikePolicy policy) {
  if (policy == SpikePolicy::kStop) return Judgment::Action::kStop;
  return policy == SpikePolicy::kRewind ? Judgment::Action::kRewind : Judgment::Action::kGoOn;
}

std::string number(double value) {
  return report::significant(value, 4);
}

}  // namespace

StepGuard::StepGuard(const PretrainConfig& config, bool replays)
    : replays_(replays),
      non_finite_policy_(config.non_finite_policy),
      spike_policy_(config.spike_policy),
      losses_(kLosses),
      log_norms_(kLogNorms) {
  for (const CurriculumStage& stage : config.curriculum) stage_ends_.push_back(stage.until_step);
}

bool StepGuard::forbids(double loss) const {
  return may_forbid() && losses_.is_spike(loss);
}

std::string StepGuard::text_of_non_finite(const StepResult& result) const {
  const bool is_loss = std::isfinite(result.gradient_norm);
  std::string text = is_loss ? "the loss is not finite (" + number(result.loss) + ")"
                             : std::string("the gradient is not finite");
  text += ", so no parameter was changed";
  if (not_applied_ == 0 && !replays_)
    text += "; --locate-nan replays the step and says where it comes from";
  return text;
}

void StepGuard::judge_non_finite(const StepResult& result, Judgment& judgment) const {
  judgment.non_finite = true;
  judgment.action = action_of(non_finite_policy_);
  judgment.warnings.push_back(text_of_non_finite(result));
}

void StepGuard::judge_spike(const StepResult& result, Judgment& judgment) const {
  if (losses_.is_spike(result.loss)) {
    judgment.action = action_of(spike_policy_);
    judgment.warnings.push_back("the loss jumped to " + number(result.loss) + " from a median of " +
                                number(losses_.median()) +
                                (result.applied ? "" : ", so no parameter was changed"));
  }
  if (log_norms_.is_spike(std::log(result.gradient_norm)))
    judgment.warnings.push_back("the gradient norm jumped to " + number(result.gradient_norm) +
                                " from a median of " + number(std::exp(log_norms_.median())));
}

Judgment StepGuard::judge(int64_t index, const StepResult& result) {
  Judgment judgment;
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm))
    judge_non_finite(result, judgment);
  else judge_spike(result, judgment);
  not_applied_ = result.applied ? 0 : not_applied_ + 1;
  if (not_applied_ >= kMaxNotApplied) judgment.action = Judgment::Action::kStop;
  losses_.add(result.loss);
  log_norms_.add(std::log(result.gradient_norm));
  if (std::find(stage_ends_.begin(), stage_ends_.end(), index + 1) != stage_ends_.end())
    losses_.forget();  // the next one is of other data
  return judgment;
}

GuardState StepGuard::state() const {
  return {.losses = losses_.values(),
          .log_gradient_norms = log_norms_.values(),
          .not_applied = not_applied_};
}

void StepGuard::restore(const GuardState& state) {
  losses_.restore(state.losses);
  log_norms_.restore(state.log_gradient_norms);
  not_applied_ = state.not_applied;
}

}  // namespace weft::train
