// One checkpoint folder OUTPUT/checkpoint-STEP/: its name, its manifest, and whether it is intact.
// What is written, kept and removed is checkpoint_store.h's and checkpoint_retention.h's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "io/checkpoint_manifest.h"

namespace weft::io {

// An intact checkpoint: every listed file had its size and hash when it was opened.
struct Checkpoint {
  Path folder;
  CheckpointManifest manifest;

  bool has(std::string_view name) const;
  // Where the file `name` lies; Error if the manifest does not list it. Read no others.
  Path file(std::string_view name) const;
};

// Verifies the manifest and every file of one checkpoint. Error saying what is damaged or missing;
// NewerCheckpoint if a newer program wrote it.
Checkpoint open_checkpoint(const FileSystem& files, const Path& folder,
                           ReadFrom from = ReadFrom::kCache);

// The manifest alone; Error if it is damaged, missing, or of another step than the folder's name
// says; NewerCheckpoint if a newer program wrote it.
CheckpointManifest read_manifest(const FileSystem& files, const Path& folder);

// Error where `name` in the checkpoint `folder`, or a folder on the way to it, is a symbolic link:
// checkpoints have none, and none is followed.
void refuse_links(const FileSystem& files, const Path& folder, const Path& name);

// Error unless the file that a manifest lists is there, no link, with its size and hash.
void verify_file(const FileSystem& files, const Path& folder, const WrittenFile& expected,
                 ReadFrom from);

Path checkpoint_folder(const Path& output_dir, int64_t step);
// Nothing for a name that is not exactly "checkpoint-" and a step.
std::optional<int64_t> checkpoint_step(std::string_view name);

// The steps of the checkpoints in `output_dir`, by their names alone, newest first.
std::vector<int64_t> checkpoint_steps(const FileSystem& files, const Path& output_dir);

}  // namespace weft::io
