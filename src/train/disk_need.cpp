#include "train/disk_need.h"

#include <algorithm>
#include <numeric>

#include "core/quote.h"
#include "core/size_text.h"
#include "io/checkpoint_folder.h"

namespace weft::train {
namespace {

// Saves behind `length.first_step`, at most: those that are due, those after evaluations, each of
// which may find the best model so far, and the end.
int64_t saves_left(const PretrainConfig& config, const RunLength& length) {
  const int64_t end = length.total_steps;
  if (length.first_step >= end) return 0;
  const auto multiples = [&](int64_t every) { return end / every - length.first_step / every; };
  const int64_t every = config.save_steps.value_or(end);
  const int64_t saves = multiples(every) + (end % every != 0 ? 1 : 0);
  if (!config.load_best_model_at_end) return saves;
  const int64_t evaluations = *config.eval_steps;
  const int64_t part = every / std::gcd(every, evaluations);
  const int64_t both = part > end / evaluations ? 0 : multiples(part * evaluations);
  const bool end_is_both = end % every != 0 && end % evaluations == 0;
  return saves + multiples(evaluations) - both - (end_is_both ? 1 : 0);
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
  const std::string problem = std::string("the checkpoints do not fit on the disk: this run ") +
                              (config.load_best_model_at_end ? "may keep up to " : "will keep ") +
                              std::to_string(count) + (existing > 0 ? " more" : "") + " of " +
                              size_text(bytes) + " each in " + quote_path(config.output_dir) +
                              ", and with " + size_text(free) + " free there is room for " +
                              std::to_string(free / bytes) +
                              "; free some space or choose another folder, or set save_total_limit";
  if (config.save_total_limit || free < bytes)
    throw Error(problem + (config.save_total_limit
                               ? " (" + std::to_string(*config.save_total_limit) + ") lower"
                               : ""),
                ExitCode::kDoesNotFit);
  return problem + ". Training goes on without saving when the disk is full";
}

}  // namespace weft::train
