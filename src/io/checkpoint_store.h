// Training checkpoints OUTPUT/checkpoint-STEP/: saved so that a crash, a full disk or a failing
// device at any point leaves the last completed one intact, and found again by looking, never by a
// stored pointer. It moves named streams of bytes and knows no model.
//
// A save: folder .checkpoint-STEP.partial, files, manifest, fsync of each, fsync of the folder,
// rename, fsync of OUTPUT, verification of every hash from the device, and only then removal of old
// ones. A failed fsync fails that checkpoint and is never retried (docs/reliability.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "io/checkpoint_folder.h"
#include "io/checkpoint_retention.h"
#include "io/folder_writer.h"

namespace weft::io {

struct SkippedCheckpoint {
  Path folder;
  std::string reason;
};

// What to go on from. Whoever goes on says what was skipped and why.
struct FoundCheckpoint {
  std::optional<Checkpoint> checkpoint;    // nothing only where there is no checkpoint at all
  std::vector<SkippedCheckpoint> skipped;  // damaged ones that would have come first
};

// The intact checkpoint of the highest step in `output_dir` (none if that is missing). Error if
// there are checkpoints and none is intact: training never starts silently at step 0 again; and
// NewerCheckpoint rather than an older one behind the user's back.
FoundCheckpoint latest_checkpoint(const FileSystem& files, const Path& output_dir);
// The same for the lowest score; of equal ones the earliest. Those without a score come
// last, the latest of them first.
FoundCheckpoint best_checkpoint(const FileSystem& files, const Path& output_dir);

struct CheckpointToSave {
  int64_t step = 0;
  std::optional<double> score = {};  // lower is better; one that is not finite counts as none
  std::map<std::string, std::string> notes = {};
  std::vector<FileToWrite> files;
};

struct SavedCheckpoint {
  Path folder;
  std::vector<Path> removed;          // old ones
  std::vector<std::string> problems;  // what could not be removed; the checkpoint itself is safe
};

inline constexpr const char* kRunLockFile = "run.lock";

// Whether a process holds the lock of a run's folder.
bool run_in_progress(const Path& output_dir);

// The one writer of a run's checkpoints. Holds the lock OUTPUT/run.lock while it lives, so that two
// runs cannot write to one folder. One call at a time.
class CheckpointStore {
 public:
  // Makes `output_dir` if needed, takes the lock and mends what a crash left. FileError naming the
  // other run if there is one, or if the folder cannot be written.
  CheckpointStore(FileSystem& files, Path output_dir, CheckpointOptions options);

  // What happened at the start that a log should tell: a dead run's lock, leftovers of a crash.
  const std::vector<std::string>& notices() const { return notices_; }

  // Throws Error if the checkpoint could not be stored (another run that has the lock since its
  // file was removed is a reason too); all older ones are then still there. A checkpoint of the
  // same step (damaged, or of a time before a rewind) is replaced.
  SavedCheckpoint save(const CheckpointToSave& checkpoint);

  // Removes the checkpoints of these steps, each so that a crash leaves it whole or gone.
  std::vector<Path> remove(const std::vector<int64_t>& steps);

  // Renames every damaged checkpoint to quarantine_name() (checkpoint_census.h), so that it stands
  // in nobody's way and can still be examined, and removes temporary files that a crash left.
  // Intact ones, and those of a newer Weft, stay. Returns a line about each thing done.
  std::vector<std::string> repair();

 private:
  void recover();
  void write_partial(const CheckpointToSave& checkpoint, const Path& folder);
  void verify(const Path& folder);
  void purge(int64_t saved_step, SavedCheckpoint& report);

  FileSystem& files_;
  Path output_dir_;
  CheckpointOptions options_;
  std::unique_ptr<FileLock> lock_;
  std::vector<std::string> notices_;
};

}  // namespace weft::io
