// What a checkpoint holds besides the tensors of model and optimizer: everything that makes a
// resumed run go on bit for bit.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/content_mark.h"
#include "ops/kernel_chooser.h"
#include "train/step_guard.h"

namespace weft::train {

// Small numbers of a run. The position in the data and all random numbers follow from `updates` and
// the config's seed.
struct RunState {
  int64_t updates = 0;
  double best_loss = 0;  // of the evaluations so far
  bool has_best = false;
  int64_t best_step = 0;
  int64_t evaluations_since_best = 0;
  // The evaluation and the samples after the last update were interrupted: the next process makes
  // them before it goes on.
  bool step_end_is_due = false;
  int64_t tokens_seen = 0;
  std::string tokenizer_hash;
  std::string data_hash;  // of what the order of samples depends on
  // Of each dataset, where training may begin before it is whole: what of it was there.
  std::vector<data::ContentMark> data_marks;
  GuardState guard;                // losses and gradient norms of the last steps
  std::string kernels, processor;  // that the last steps were computed with
  ops::CallChoices products;       // on a GPU: which kernels multiplied
};

inline constexpr std::string_view kStateFile = "trainer_state/state.json";
inline constexpr std::string_view kConfigFile = "trainer_state/config.yaml";
// Beside the checkpoints: the resolved config of the process that last wrote to the run.
inline constexpr std::string_view kRunConfigFile = "run_config.yaml";

std::string to_json(const RunState& state);
// Throws Error, beginning with `source`, for what to_json() did not write.
RunState run_state_from_json(std::string_view text, const std::string& source);

}  // namespace weft::train
