// How much of the disk a run's checkpoints will take, so that a run that cannot keep them is
// refused before its first step.
#pragma once

#include <cstdint>
#include <string>

#include "core/file_system.h"
#include "train/pretrain_config.h"

namespace weft::train {

struct RunLength {
  int64_t first_step = 0;  // done already
  int64_t total_steps = 0;
};

// How many checkpoints are written beside the `existing` ones before old ones go: the largest
// number that the rest of the run adds to the disk at one time.
int64_t checkpoints_added(const PretrainConfig& config, const RunLength& length, int64_t existing);

// Compares them with what is free at output_dir; `bytes`: of one checkpoint. Throws Error with
// ExitCode::kDoesNotFit, naming the keys to change, where not even one fits, or fewer than
// save_total_limit promises to keep. Without that limit, the line that says when the disk will be
// full, for a run may be stopped before; empty where all fit.
std::string check_disk(const FileSystem& files, const PretrainConfig& config,
                       const RunLength& length, int64_t bytes);

}  // namespace weft::train
