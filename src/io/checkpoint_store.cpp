#include "io/checkpoint_store.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

#include "core/quote.h"
#include "io/hash.h"

namespace weft::io {
namespace {

constexpr const char* kRunLockFile = "run.lock";

constexpr std::string_view kPrefix = "checkpoint-";
constexpr int64_t kLargestManifest = int64_t{16} << 20;

Path folder_of(const Path& output_dir, int64_t step) {
  return output_dir / (std::string(kPrefix) + std::to_string(step));
}

// Nothing for a name that is not exactly "checkpoint-" and a step.
std::optional<int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  int64_t step = -1;
  const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), step);
  const bool exact = status == std::errc() && std::to_string(step) == name && step >= 0;
  return exact ? std::optional(step) : std::nullopt;
}

CheckpointManifest read_manifest(const FileSystem& files, const Path& folder) {
  const Path file = folder / kManifestName;
  if (files.status(file).kind == FileKind::kMissing)
    throw Error("'" + folder.string() + "' has no " + std::string(kManifestName) +
                ": it was not written by Weft, or not completely");
  CheckpointManifest manifest =
      parse_manifest(files.read(file, kLargestManifest), "'" + file.string() + "'");
  if (step_of(folder.filename().string()).value_or(manifest.step) != manifest.step)
    throw Error("'" + folder.string() + "' holds the checkpoint of step " +
                std::to_string(manifest.step) + "; it was renamed or swapped");
  return manifest;
}

void verify_file(const FileSystem& files, const Path& folder, const WrittenFile& expected,
                 ReadFrom from) {
  const Path file = folder / expected.name;
  const int64_t size = files.status(file).size;
  if (files.status(file).kind == FileKind::kFile && size != expected.bytes)
    throw Error("'" + file.string() + "' has " + std::to_string(size) + " bytes instead of " +
                std::to_string(expected.bytes) + "; it is damaged");
  if (hash_file(files, file, from).hex != expected.hash)
    throw Error("'" + file.string() + "' is damaged: its bytes are not those that were saved");
}

}  // namespace

std::vector<int64_t> checkpoint_steps(const FileSystem& files, const Path& output_dir) {
  std::vector<int64_t> steps;
  if (files.status(output_dir).kind == FileKind::kMissing) return steps;
  for (const std::string& name : files.list(output_dir))
    if (const auto step = step_of(name)) steps.push_back(*step);
  std::sort(steps.begin(), steps.end(), std::greater<>());
  return steps;
}

namespace {

[[noreturn]] void refuse_all_damaged(const Path& output_dir,
                                     const std::vector<SkippedCheckpoint>& skipped) {
  std::string message = "'" + output_dir.string() + "' has checkpoints, but none of them is intact";
  for (const SkippedCheckpoint& one : skipped) message += "; " + one.reason;
  throw Error(message + "; restore one from a copy, or move them away to start anew at step 0");
}

FoundCheckpoint first_intact(const FileSystem& files, const Path& output_dir,
                             const std::vector<int64_t>& steps) {
  FoundCheckpoint found;
  for (const int64_t step : steps) {
    const Path folder = folder_of(output_dir, step);
    try {
      found.checkpoint = open_checkpoint(files, folder);
      return found;
    } catch (const NewerCheckpoint&) {
      throw;
    } catch (const Error& error) {
      found.skipped.push_back({.folder = folder, .reason = error.what()});
    }
  }
  if (!found.skipped.empty()) refuse_all_damaged(output_dir, found.skipped);
  return found;
}

// The score by the manifest alone; infinite where there is none to read.
double score_of(const FileSystem& files, const Path& folder) {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  try {
    return read_manifest(files, folder).score.value_or(kNone);
  } catch (const Error&) {
    return kNone;
  }
}

// Best first; of equal scores the earliest, without scores the latest.
std::vector<int64_t> by_score(const FileSystem& files, const Path& output_dir,
                              const std::vector<int64_t>& steps) {
  std::vector<std::pair<double, int64_t>> ranked;
  for (const int64_t step : steps) {
    const double score = score_of(files, folder_of(output_dir, step));
    ranked.emplace_back(score, std::isfinite(score) ? step : -step);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<int64_t> result;
  for (const auto& [score, step] : ranked) result.push_back(step < 0 ? -step : step);
  return result;
}

bool is_ours(const FileSystem& files, const Path& folder) {
  try {
    read_manifest(files, folder);
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool is_sound(const FileSystem& files, const Path& folder) {
  try {
    open_checkpoint(files, folder);
    return true;
  } catch (const NewerCheckpoint&) {
    return true;  // not ours to judge, and not ours to remove
  } catch (const Error&) {
    return false;
  }
}

template <class Action>
void attempt(Action action) {
  try {
    action();
  } catch (const Error&) {  // clean-up after a failure that is reported itself
    return;
  }
}

}  // namespace

bool Checkpoint::has(std::string_view name) const {
  return std::any_of(manifest.files.begin(), manifest.files.end(),
                     [&](const WrittenFile& file) { return file.name == name; });
}

Path Checkpoint::file(std::string_view name) const {
  if (!has(name))
    throw Error("the checkpoint '" + folder.string() + "' has no file " + quote(name));
  return folder / name;
}

Checkpoint open_checkpoint(const FileSystem& files, const Path& folder, ReadFrom from) {
  Checkpoint checkpoint{.folder = folder, .manifest = read_manifest(files, folder)};
  for (const WrittenFile& file : checkpoint.manifest.files) verify_file(files, folder, file, from);
  return checkpoint;
}

FoundCheckpoint latest_checkpoint(const FileSystem& files, const Path& output_dir) {
  return first_intact(files, output_dir, checkpoint_steps(files, output_dir));
}

FoundCheckpoint best_checkpoint(const FileSystem& files, const Path& output_dir) {
  return first_intact(files, output_dir,
                      by_score(files, output_dir, checkpoint_steps(files, output_dir)));
}

bool run_in_progress(FileSystem& files, const Path& output_dir) {
  const Path lock = output_dir / kRunLockFile;
  if (files.status(lock).kind != FileKind::kFile) return false;
  try {
    files.lock(lock);
    return false;
  } catch (const FileError&) {
    return true;
  }
}

CheckpointStore::CheckpointStore(FileSystem& files, Path output_dir, CheckpointOptions options)
    : files_(files), output_dir_(std::move(output_dir)), options_(options) {
  create_folders(files_, output_dir_);
  lock_ = files_.lock(output_dir_ / kRunLockFile);
  if (const auto& dead = lock_->taken_over_from())
    notices_.push_back("the run of process " + std::to_string(dead->pid) + " on " +
                       quote(dead->host) + ", started " + quote(dead->started) +
                       ", ended without releasing '" + output_dir_.string() + "'; taken over");
  recover();
}

void CheckpointStore::recover() {
  std::set<int64_t> steps;  // those with leftovers of any kind beside them
  for (const std::string& name : files_.list(output_dir_)) {
    const size_t dot = name.rfind('.');
    if (!name.starts_with(".") || dot == 0) continue;
    if (const auto step = step_of(std::string_view(name).substr(1, dot - 1))) steps.insert(*step);
  }
  for (const int64_t step : steps) {
    const auto notes = recover_folder(files_, folder_of(output_dir_, step),
                                      [&](const Path& folder) { return is_sound(files_, folder); });
    notices_.insert(notices_.end(), notes.begin(), notes.end());
  }
}

void CheckpointStore::write_partial(const CheckpointToSave& checkpoint, const Path& folder) {
  CheckpointManifest manifest{
      .step = checkpoint.step, .score = {}, .notes = checkpoint.notes, .files = {}};
  if (checkpoint.score && std::isfinite(*checkpoint.score)) manifest.score = checkpoint.score;
  const Path partial = partial_name(folder);
  remove_tree(files_, partial);
  manifest.files = write_folder(files_, partial, checkpoint.files);
  const std::string text = manifest_json(manifest);
  const auto out = files_.open_for_writing(partial / kManifestName, WriteMode::kNew);
  out->write(text);
  out->sync();
  out->close();
  files_.sync_folder(partial);
}

void CheckpointStore::verify(const Path& folder) {
  try {
    open_checkpoint(files_, folder, ReadFrom::kDevice);
  } catch (const Error& error) {
    attempt([&] { retract_folder(files_, folder); });
    throw Error(std::string("the checkpoint just written does not read back: ") + error.what());
  }
}

SavedCheckpoint CheckpointStore::save(const CheckpointToSave& checkpoint) {
  WEFT_ASSERT(checkpoint.step >= 0);
  SavedCheckpoint report{
      .folder = folder_of(output_dir_, checkpoint.step), .removed = {}, .problems = {}};
  check_free_space(files_, output_dir_, checkpoint.files);
  try {
    write_partial(checkpoint, report.folder);
    publish_folder(files_, report.folder);
  } catch (const Error&) {
    attempt([&] { remove_tree(files_, partial_name(report.folder)); });
    throw;
  }
  verify(report.folder);
  purge(checkpoint.step, report);
  return report;
}

// Only steps up to the saved one count: above it there can only be damaged ones that this run has
// skipped. Folders without a manifest of ours are someone else's.
void CheckpointStore::purge(int64_t saved_step, SavedCheckpoint& report) {
  try {
    remove_tree(files_, replaced_name(report.folder));
    if (options_.keep_last <= 0) return;
    std::vector<int64_t> steps = checkpoint_steps(files_, output_dir_);
    std::erase_if(steps, [&](int64_t step) {
      return step > saved_step || !is_ours(files_, folder_of(output_dir_, step));
    });
    const int64_t best = by_score(files_, output_dir_, steps).front();
    const bool has_best =
        options_.keep_best && std::isfinite(score_of(files_, folder_of(output_dir_, best)));
    for (size_t i = static_cast<size_t>(options_.keep_last); i < steps.size(); ++i) {
      if (has_best && steps[i] == best) continue;
      remove_folder(files_, folder_of(output_dir_, steps[i]));
      report.removed.push_back(folder_of(output_dir_, steps[i]));
    }
  } catch (const Error& error) {
    report.problems.emplace_back(error.what());
  }
}

std::vector<Path> CheckpointStore::discard_after(int64_t step) {
  std::vector<Path> removed;
  for (const int64_t other : checkpoint_steps(files_, output_dir_)) {
    if (other <= step) break;
    remove_folder(files_, folder_of(output_dir_, other));
    removed.push_back(folder_of(output_dir_, other));
  }
  return removed;
}

}  // namespace weft::io
