#include "io/checkpoint_retention.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weft::io {
namespace {

// The score by the manifest alone; infinite where there is none to read.
double score_of(const FileSystem& files, const Path& folder) {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  try {
    return read_manifest(files, folder).score.value_or(kNone);
  } catch (const Error&) {
    return kNone;
  }
}

// Of `steps`, newest first; -1: there is none.
int64_t newest_multiple(const std::vector<int64_t>& steps, int64_t of) {
  for (const int64_t step : steps)
    if (of > 0 && step % of == 0) return step;
  return -1;
}

}  // namespace

bool has_manifest(const FileSystem& files, const Path& folder) {
  try {
    read_manifest(files, folder);
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::vector<int64_t> by_score(const FileSystem& files, const Path& output_dir,
                              const std::vector<int64_t>& steps) {
  std::vector<std::pair<double, int64_t>> ranked;
  for (const int64_t step : steps) {
    const double score = score_of(files, checkpoint_folder(output_dir, step));
    ranked.emplace_back(score, std::isfinite(score) ? step : -step);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<int64_t> result;
  for (const auto& [score, step] : ranked) result.push_back(step < 0 ? -step : step);
  return result;
}

std::vector<int64_t> not_kept(const FileSystem& files, const Path& output_dir,
                              const std::vector<int64_t>& steps, const CheckpointOptions& options) {
  std::vector<int64_t> result;
  if (options.keep_last <= 0 || steps.empty()) return result;
  const int64_t best = by_score(files, output_dir, steps).front();
  const bool has_best =
      options.keep_best && std::isfinite(score_of(files, checkpoint_folder(output_dir, best)));
  const int64_t newest = newest_multiple(steps, options.keep_newest_of);
  for (size_t i = static_cast<size_t>(options.keep_last); i < steps.size(); ++i) {
    const bool is_kth = options.keep_every > 0 && steps[i] % options.keep_every == 0;
    const bool is_best = has_best && steps[i] == best;
    if (!is_kth && !is_best && steps[i] != newest) result.push_back(steps[i]);
  }
  return result;
}

std::vector<int64_t> steps_to_remove(const FileSystem& files, const Path& output_dir,
                                     const CheckpointOptions& options, int64_t saved_step) {
  if (options.keep_last <= 0) return {};
  std::vector<int64_t> steps = checkpoint_steps(files, output_dir);
  std::erase_if(steps, [&](int64_t step) {
    return step > saved_step || !has_manifest(files, checkpoint_folder(output_dir, step));
  });
  return not_kept(files, output_dir, steps, options);
}

}  // namespace weft::io
