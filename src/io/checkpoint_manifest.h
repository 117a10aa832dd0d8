// manifest.json of a training checkpoint: which files it has, their sizes and hashes, and a hash of
// the manifest itself. A checkpoint is intact if and only if all of these agree.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/folder_writer.h"

namespace weft::io {

inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr int64_t kLargestManifest = int64_t{16} << 20;  // bytes
// Raised when the meaning of a checkpoint's files changes. Older ones stay readable; newer ones are
// refused. The fields "format", "version" and "manifest_xxh3_128" keep their meaning for ever.
inline constexpr int64_t kCheckpointVersion = 1;

struct CheckpointManifest {
  int64_t step = 0;
  std::optional<double> score;               // finite; lower is better
  std::map<std::string, std::string> notes;  // the trainer's, for instance a hash of the config
  std::vector<WrittenFile> files;
};

// An intact manifest of a version that this program does not know: never skipped as damaged.
class NewerCheckpoint : public Error {
 public:
  using Error::Error;
};

std::string manifest_json(const CheckpointManifest& manifest);

// Error, beginning with `source`, for what is not exactly a manifest that manifest_json wrote.
CheckpointManifest parse_manifest(std::string_view text, const std::string& source);

}  // namespace weft::io
