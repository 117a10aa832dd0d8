#include "io/checkpoint_folder.h"

#include <algorithm>
#include <charconv>

#include "core/quote.h"
#include "io/hash.h"

namespace weft::io {
namespace {

constexpr std::string_view kPrefix = "checkpoint-";

}  // namespace

Path checkpoint_folder(const Path& output_dir, int64_t step) {
  return output_dir / (std::string(kPrefix) + std::to_string(step));
}

std::optional<int64_t> checkpoint_step(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  int64_t step = -1;
  const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), step);
  const bool exact = status == std::errc() && std::to_string(step) == name && step >= 0;
  return exact ? std::optional(step) : std::nullopt;
}

// A link could lead anywhere, and to something else tomorrow: a checkpoint has none.
void refuse_links(const FileSystem& files, const Path& folder, const Path& name) {
  Path at = folder;
  for (const Path& part : name) {
    at /= part;
    if (files.status(at).is_link)
      throw Error(quote_path(at) +
                  " is a symbolic link, which no checkpoint has, and is not followed");
  }
}

CheckpointManifest read_manifest(const FileSystem& files, const Path& folder) {
  const Path file = folder / kManifestName;
  if (files.status(folder).kind == FileKind::kMissing)
    throw Error("there is no folder " + quote_path(folder) +
                "; give that of a checkpoint, such as runs/demo/checkpoint-100");
  refuse_links(files, folder, kManifestName);
  if (files.status(file).kind == FileKind::kMissing)
    throw Error(quote_path(folder) + " has no " + std::string(kManifestName) +
                ": it was not written by Weft, or not completely");
  CheckpointManifest manifest =
      parse_manifest(files.read(file, kLargestManifest), quote_path(file));
  if (checkpoint_step(folder.filename().string()).value_or(manifest.step) != manifest.step)
    throw Error(quote_path(folder) + " holds the checkpoint of step " +
                std::to_string(manifest.step) + "; it was renamed or swapped");
  return manifest;
}

void verify_file(const FileSystem& files, const Path& folder, const WrittenFile& expected,
                 ReadFrom from) {
  refuse_links(files, folder, expected.name);
  const Path file = folder / expected.name;
  const int64_t size = files.status(file).size;
  if (files.status(file).kind == FileKind::kFile && size != expected.bytes)
    throw Error(quote_path(file) + " has " + std::to_string(size) + " bytes instead of " +
                std::to_string(expected.bytes) + "; it is damaged");
  if (hash_file(files, file, from).hex != expected.hash)
    throw Error(quote_path(file) + " is damaged: its bytes are not those that were saved");
}

std::vector<int64_t> checkpoint_steps(const FileSystem& files, const Path& output_dir) {
  std::vector<int64_t> steps;
  if (files.status(output_dir).kind == FileKind::kMissing) return steps;
  for (const std::string& name : files.list(output_dir))
    if (const auto step = checkpoint_step(name)) steps.push_back(*step);
  std::sort(steps.begin(), steps.end(), std::greater<>());
  return steps;
}

bool Checkpoint::has(std::string_view name) const {
  return std::any_of(manifest.files.begin(), manifest.files.end(),
                     [&](const WrittenFile& file) { return file.name == name; });
}

Path Checkpoint::file(std::string_view name) const {
  if (!has(name))
    throw Error("the checkpoint " + quote_path(folder) + " has no file " + quote(name));
  return folder / name;
}

Checkpoint open_checkpoint(const FileSystem& files, const Path& folder, ReadFrom from) {
  Checkpoint checkpoint{.folder = folder, .manifest = read_manifest(files, folder)};
  for (const WrittenFile& file : checkpoint.manifest.files) verify_file(files, folder, file, from);
  return checkpoint;
}

}  // namespace weft::io
