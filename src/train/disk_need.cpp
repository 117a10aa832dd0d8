#include "train/disk_need.h"

#include <algorithm>

#include "io/checkpoint_folder.h"
#include "report/number_text.h"

namespace weft::train {
namespace {

// Saves behind `length.first_step`: those that are due, and the end.
int64_t saves_left(const PretrainConfig& config, const RunLength& length) {
  if (length.first_step >= length.total_steps) return 0;
  const int64_t every = config.save_steps.value_or(length.total_steps);
  const int64_t due = length.total_steps / every - length.first_step / every;
  return due + (length.total_steps % every != 0 ? 1 : 0);
}

}  // namespace

int64_t checkpoints_added(const PretrainConfig& config, const RunLength& length, int64_t existing) {
  const int64_t saves = saves_left(config, length);
  if (!config.save_total_limit || saves == 0) return saves;
  int64_t most = *config.save_total_limit + 1;  // the old ones go when the new one is safe
  if (config.save_keep_every) most += length.total_steps / *config.save_keep_every;
  if (config.keep_best_checkpoint) most += 1;
  if (config.may_rewind()) most += 1;
  return std::clamp<int64_t>(most - existing, 1, saves);
}

std::string check_disk(const FileSystem& files, const PretrainConfig& config,
                       const RunLength& length, int64_t bytes) {
  const auto existing = static_cast<int64_t>(io::checkpoint_steps(files, config.output_dir).size());
  const int64_t count = checkpoints_added(config, length, existing);
  const int64_t free = files.free_bytes(config.output_dir);
  if (count == 0 || bytes <= free / count) return "";
  const auto text = [](int64_t size) { return report::bytes(static_cast<double>(size)); };
  const std::string problem =
      "the checkpoints do not fit on the disk: this run will keep " + std::to_string(count) +
      (existing > 0 ? " more" : "") + " of " + text(bytes) + " each in '" + config.output_dir +
      "', and with " + text(free) + " free there is room for " + std::to_string(free / bytes) +
      "; free some space or choose another folder, or set save_total_limit";
  if (config.save_total_limit || free < bytes)
    throw Error(problem + (config.save_total_limit
                               ? " (" + std::to_string(*config.save_total_limit) + ") lower"
                               : ""),
                ExitCode::kDoesNotFit);
  return problem + ". Training goes on without saving when the disk is full";
}

}  // namespace weft::train
