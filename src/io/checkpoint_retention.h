// Which checkpoints of a run are kept: the newest few, every k-th step, the best. A rule over steps
// and scores; what removes folders safely is folder_writer.h's.
#pragma once

#include <vector>

#include "io/checkpoint_folder.h"

namespace weft::io {

struct CheckpointOptions {
  int64_t keep_last = 0;   // how many of the newest are kept; 0 keeps all
  int64_t keep_every = 0;  // those whose step is a multiple of it are kept besides; 0: none
  bool keep_best = true;   // the one of the lowest score is kept besides
  // The newest whose step is a multiple of it is kept besides: where a run may go back to. 0: none.
  int64_t keep_newest_of = 0;
};

// Whether `folder` has a manifest of ours that can be read: others are never removed.
bool has_manifest(const FileSystem& files, const Path& folder);

// Steps, best first; of equal scores the earliest, without scores the latest.
std::vector<int64_t> by_score(const FileSystem& files, const Path& output_dir,
                              const std::vector<int64_t>& steps);

// Of `steps`, newest first, those that `options` do not keep.
std::vector<int64_t> not_kept(const FileSystem& files, const Path& output_dir,
                              const std::vector<int64_t>& steps, const CheckpointOptions& options);

// What a run that has just saved `saved_step` removes. Only steps up to it count: above it there
// can only be damaged ones that the run has skipped. Folders without a manifest of ours are someone
// else's. Scores are read from the manifests; no hash of a file is checked.
std::vector<int64_t> steps_to_remove(const FileSystem& files, const Path& output_dir,
                                     const CheckpointOptions& options, int64_t saved_step);

}  // namespace weft::io
