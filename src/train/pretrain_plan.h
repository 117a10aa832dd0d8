// From a pretraining config to the plan of its programs: the training step, evaluation and samples.
// Nothing is read, run or allocated.
#pragma once

#include <functional>
#include <string_view>

#include "generate/cached_model.h"
#include "train/pretrain_config.h"
#include "train/session.h"

namespace weft::train {

// The forward programs of a run, in the order of its session.
enum ForwardProgram : size_t { kEvaluation, kGeneration };

// Advice where a plan does not fit.
inline constexpr std::string_view kToNeedLess =
    "lower micro_batch_size or sequence_len, or set gradient_checkpointing: full";

// The cache that samples during a run are made with.
generate::CacheOptions sample_cache(const PretrainConfig& config);
// A prompt of more tokens leaves the sample no room.
int64_t longest_prompt(const PretrainConfig& config);

// Chooses the process's kernels as the config says: workspaces are theirs. `on_device`: for a GPU,
// whatever the config says.
SessionPlan plan_pretraining(const PretrainConfig& config, int threads, bool on_device = false);

// Calls `show` with the graph of a step as it is built and after each pass.
void show_passes(const PretrainConfig& config,
                 const std::function<void(std::string_view, const graph::GraphData&)>& show);

}  // namespace weft::train
