// What stands in a run's folder: its checkpoints with their state, and what a crash left beside
// them. It only looks and needs no lock; CheckpointStore changes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/checkpoint_folder.h"

namespace weft::io {

enum class CheckpointState {
  kIntact,   // all that was asked for agrees: sizes, and with kHashes every hash
  kDamaged,  // a manifest or file is missing, changed or of another step
  kNewer,    // written by a newer Weft, which alone can judge it
};
std::string_view name_of(CheckpointState state);

struct CheckpointEntry {
  int64_t step = 0;
  Path folder;
  CheckpointState state = CheckpointState::kIntact;
  std::string problem;                         // why it is not intact
  std::optional<CheckpointManifest> manifest;  // if it can be read
  int64_t bytes = 0;                           // of all files on the disk, listed or not
};

inline constexpr std::string_view kTemporaryFile = "temporary file";
inline constexpr std::string_view kQuarantined = "quarantined";

struct Leftover {
  Path path;
  std::string meaning;  // "unfinished", "replaced", "half removed", or one of the two above
  int64_t bytes = 0;
};

struct CheckpointCensus {
  std::vector<CheckpointEntry> checkpoints;  // newest first
  std::vector<Leftover> leftovers;           // by name
};

enum class CensusDepth { kSizes, kHashes };

// Errors are those of looking at folders alone: a damaged checkpoint is an entry, not an error.
CheckpointCensus take_census(const FileSystem& files, const Path& output_dir, CensusDepth depth,
                             ReadFrom from = ReadFrom::kCache);

// Whether this is the name of a temporary file whose writer lives no more, as far as this machine
// knows: what a killed process leaves of a small file that it wrote.
bool is_abandoned_file(std::string_view name);

// One checkpoint, by the folder's name or, where that is none of ours, by its manifest. A link to
// one counts as damaged.
CheckpointEntry examine_checkpoint(const FileSystem& files, const Path& folder, CensusDepth depth,
                                   ReadFrom from = ReadFrom::kCache);

struct FileVerdict {
  std::string name;
  int64_t bytes = 0;    // as the manifest says
  std::string problem;  // empty: as it was written
};

// Every file that a manifest lists, whatever state the others are in.
std::vector<FileVerdict> verify_files(const FileSystem& files, const Path& folder,
                                      const CheckpointManifest& manifest, ReadFrom from);

// What lies in a checkpoint's folder and is not in its manifest: files, links and empty folders by
// their names relative to it. Weft reads none of them, but programs that read folders might.
std::vector<std::string> extra_files(const FileSystem& files, const Path& folder,
                                     const CheckpointManifest& manifest);

// Where a damaged checkpoint goes: "damaged-checkpoint-STEP" beside it, with a number behind that
// where the name is taken.
Path quarantine_name(const FileSystem& files, const Path& folder);

}  // namespace weft::io
