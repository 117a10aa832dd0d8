// Which checkpoint a run goes on from, and whether its config lets it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/tree/compare.h"
#include "io/checkpoint_store.h"
#include "train/pretrain_config.h"
#include "train/run_state.h"

namespace weft::train {

struct Resume {
  std::optional<io::Checkpoint> checkpoint;  // nothing: the run begins at step 0
  std::vector<std::string> notices;  // checkpoints that were skipped, keys that have changed
};

// By config.resume_from_checkpoint. Throws Error
// - if there are checkpoints and none is intact;
// - for `never`, if output_dir has checkpoints;
// - for a folder, if output_dir has later ones: they would come first when the run resumes;
// - if the checkpoint was trained with other values of keys that must not change within a run
//   (docs/config.md), naming each with both values.
Resume find_resume(const FileSystem& files, const PretrainConfig& config);

// What a run reads: it is compared by content with what a checkpoint was trained on.
struct DataIdentity {
  std::string tokenizer_hash;
  std::string order;  // TrainingData::order()
};

// The trainer's state in a checkpoint. Throws Error where it is none.
RunState state_of(const io::Checkpoint& checkpoint);

// The same of the checkpoint of `resume`, which must be there, for a run that reads `now`. Throws
// Error where the checkpoint was trained with another tokenizer, or on other samples or another
// order of them; the latter is a notice if config.resume_with_other_data.
RunState state_to_resume(Resume& resume, const PretrainConfig& config, const DataIdentity& now);

// Where a step that goes wrong sends a run back to: the newest intact checkpoint of save_steps
// below step `before`. Those that an interrupt left do not count, so that a run which was stopped
// goes back to the same one as a run which was not. Nothing where there is none.
io::FoundCheckpoint rewind_checkpoint(const FileSystem& files, const PretrainConfig& config,
                                      int64_t before);

// Which checkpoints the config keeps.
io::CheckpointOptions retention(const PretrainConfig& config);

// What differs between the configs that two checkpoints were trained with. Error if either has none
// that this program reads.
std::vector<Difference> config_differences(const io::Checkpoint& before,
                                           const io::Checkpoint& after);

// The checkpoint that stands for the model of a run: the best one where its config says
// load_best_model_at_end, else the newest; nothing where there is no checkpoint.
io::FoundCheckpoint model_checkpoint(const FileSystem& files, const Path& run);

}  // namespace weft::train
