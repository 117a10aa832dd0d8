#include "io/checkpoint_store.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/file_lock.h"
#include "core/quote.h"
#include "io/checkpoint_census.h"

namespace weft::io {
namespace {

[[noreturn]] void refuse_all_damaged(const Path& output_dir,
                                     const std::vector<SkippedCheckpoint>& skipped) {
  std::string message = quote_path(output_dir) + " has checkpoints, but none of them is intact";
  for (const SkippedCheckpoint& one : skipped) message += "; " + one.reason;
  throw Error(message + "; restore one from a copy, or move them away to start anew at step 0");
}

FoundCheckpoint first_intact(const FileSystem& files, const Path& output_dir,
                             const std::vector<int64_t>& steps) {
  FoundCheckpoint found;
  for (const int64_t step : steps) {
    const Path folder = checkpoint_folder(output_dir, step);
    try {
      refuse_links(files, output_dir, folder.filename());
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

}  // namespace

FoundCheckpoint latest_checkpoint(const FileSystem& files, const Path& output_dir) {
  return first_intact(files, output_dir, checkpoint_steps(files, output_dir));
}

FoundCheckpoint best_checkpoint(const FileSystem& files, const Path& output_dir) {
  return first_intact(files, output_dir,
                      by_score(files, output_dir, checkpoint_steps(files, output_dir)));
}

bool run_in_progress(const Path& output_dir) {
  return is_locked(output_dir / kRunLockFile);
}

CheckpointStore::CheckpointStore(FileSystem& files, Path output_dir, CheckpointOptions options)
    : files_(files), output_dir_(std::move(output_dir)), options_(options) {
  create_folders(files_, output_dir_);
  lock_ = files_.lock(output_dir_ / kRunLockFile);
  if (const auto& dead = lock_->taken_over_from())
    notices_.push_back("the run of process " + std::to_string(dead->pid) + " on " +
                       quote(dead->host) + ", started " + quote(dead->started) +
                       ", ended without releasing " + quote_path(output_dir_) + "; taken over");
  recover();
}

void CheckpointStore::recover() {
  std::set<int64_t> steps;  // those with leftovers of any kind beside them
  for (const std::string& name : files_.list(output_dir_)) {
    if (is_abandoned_file(name)) {
      remove_tree(files_, output_dir_ / name);
      notices_.push_back(quote_path(output_dir_ / name) +
                         " was removed: a run ended while writing it");
    }
    const size_t dot = name.rfind('.');
    if (!name.starts_with(".") || dot == 0) continue;
    if (const auto step = checkpoint_step(std::string_view(name).substr(1, dot - 1)))
      steps.insert(*step);
  }
  for (const int64_t step : steps) {
    const auto notes = recover_folder(files_, checkpoint_folder(output_dir_, step),
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
      .folder = checkpoint_folder(output_dir_, checkpoint.step), .removed = {}, .problems = {}};
  lock_->retake_if_lost();
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

void CheckpointStore::purge(int64_t saved_step, SavedCheckpoint& report) {
  try {
    remove_tree(files_, replaced_name(report.folder));
    for (const int64_t step : steps_to_remove(files_, output_dir_, options_, saved_step)) {
      remove_folder(files_, checkpoint_folder(output_dir_, step));
      report.removed.push_back(checkpoint_folder(output_dir_, step));
    }
  } catch (const Error& error) {
    report.problems.emplace_back(error.what());
  }
}

std::vector<Path> CheckpointStore::remove(const std::vector<int64_t>& steps) {
  std::vector<Path> removed;
  for (const int64_t step : steps) {
    remove_folder(files_, checkpoint_folder(output_dir_, step));
    removed.push_back(checkpoint_folder(output_dir_, step));
  }
  return removed;
}

std::vector<std::string> CheckpointStore::repair() {
  std::vector<std::string> notes;
  const CheckpointCensus census =
      take_census(files_, output_dir_, CensusDepth::kHashes, ReadFrom::kDevice);
  for (const CheckpointEntry& entry : census.checkpoints) {
    if (entry.state != CheckpointState::kDamaged) continue;
    const Path name = quarantine_name(files_, entry.folder);
    files_.rename(entry.folder, name);
    notes.push_back(quote_path(entry.folder) + " was renamed to " + quote_path(name) + ": " +
                    entry.problem);
  }
  for (const Leftover& leftover : census.leftovers) {
    if (leftover.meaning != kTemporaryFile) continue;
    remove_tree(files_, leftover.path);
    notes.push_back(quote_path(leftover.path) + " was removed: a run ended while writing it");
  }
  if (!notes.empty()) files_.sync_folder(output_dir_);
  return notes;
}

}  // namespace weft::io
