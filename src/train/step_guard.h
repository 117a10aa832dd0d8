// Watches a run's losses and gradient norms and says what is to be done when a step goes wrong: a
// loss or gradient that is not finite, or one that jumps. It changes no parameter and reads no
// checkpoint; the Pretrainer does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/pretrain_config.h"
#include "train/spike_detector.h"
#include "weft/train_program.h"

namespace weft::train {

// What the guard remembers, for checkpoints: a run that resumes judges as one that went on.
struct GuardState {
  std::vector<double> losses;              // the last ones, oldest first
  std::vector<double> log_gradient_norms;  // natural logarithms of the last ones
  int64_t not_applied = 0;                 // updates in a row that changed nothing
  bool operator==(const GuardState&) const = default;
};

struct Judgment {
  enum class Action : uint8_t { kGoOn, kRewind, kStop };
  Action action = Action::kGoOn;
  std::vector<std::string> warnings;  // what went wrong, for the log
  bool non_finite = false;            // the loss or the gradient
};

class StepGuard {
 public:
  // `replays`: a step that is not finite is computed again anyway, so that nobody is told how to
  // ask for that.
  explicit StepGuard(const PretrainConfig& config, bool replays = false);

  // Before the update: whether the policy for spikes forbids to apply a step of this loss, and
  // whether it ever may.
  bool forbids(double loss) const;
  bool may_forbid() const { return spike_policy_ != SpikePolicy::kWarn; }
  // After every step, `index` from 0. Adds it to what is remembered.
  Judgment judge(int64_t index, const StepResult& result);

  GuardState state() const;
  void restore(const GuardState& state);

 private:
  std::string text_of_non_finite(const StepResult& result) const;
  void judge_non_finite(const StepResult& result, Judgment& judgment) const;
  void judge_spike(const StepResult& result, Judgment& judgment) const;

  bool replays_;
  NonFinitePolicy non_finite_policy_;
  SpikePolicy spike_policy_;
  std::vector<int64_t> stage_ends_;  // of the curriculum: steps after which losses are others
  SpikeDetector losses_, log_norms_;
  int64_t not_applied_ = 0;
};

}  // namespace weft::train
