// What differs between the files of two checkpoints: tensors by name and norm, other files by hash.
// What a config's keys mean is train/resume.h's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/checkpoint_folder.h"

namespace weft::io {

// One tensor of the .safetensors files of one or both checkpoints.
struct TensorDifference {
  std::string file;                      // relative to the checkpoint
  std::string name;                      // as in the file: quote() before it is shown
  std::string before, after;             // "F32[768,768]"; empty where there is none
  std::optional<double> norm_before;     // Euclidean; nothing for types that are not floats
  std::optional<double> norm_after;      //
  std::optional<double> norm_of_change;  // only where shapes agree
  bool equal = false;                    // the same type, shape and bytes
};

// In the order of files and, in them, of names. Reads the tensors in pieces: memory does not grow
// with them. Error for a file that is no safetensors file.
std::vector<TensorDifference> compare_tensors(const Checkpoint& before, const Checkpoint& after);

enum class FileChange { kSame, kChanged, kAdded, kRemoved };
std::string_view name_of(FileChange change);

struct FileDifference {
  std::string name;
  FileChange change = FileChange::kSame;
};

// The other files, by the hashes of the manifests.
std::vector<FileDifference> compare_files(const Checkpoint& before, const Checkpoint& after);

}  // namespace weft::io
