#include "io/checkpoint_census.h"
#include "core/quote.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

namespace weft::io {
namespace {

constexpr std::string_view kQuarantine = "damaged-";

// Links count nothing: they are never followed.
int64_t bytes_below(const FileSystem& files, const Path& path) {
  const FileStatus status = files.status(path);
  if (status.is_link) return 0;
  if (status.kind != FileKind::kFolder) return status.size;
  int64_t bytes = 0;
  for (const std::string& name : files.list(path)) bytes += bytes_below(files, path / name);
  return bytes;
}

void check_sizes(const FileSystem& files, const CheckpointEntry& entry) {
  for (const WrittenFile& file : entry.manifest->files) {
    refuse_links(files, entry.folder, file.name);
    const FileStatus status = files.status(entry.folder / file.name);
    const std::string path = quote_path(entry.folder / file.name);
    if (status.kind != FileKind::kFile) throw Error(path + " is missing or is no file");
    if (status.size != file.bytes)
      throw Error(path + " has " + std::to_string(status.size) + " bytes instead of " +
                  std::to_string(file.bytes) + "; it is damaged");
  }
}

void check_hashes(const FileSystem& files, const CheckpointEntry& entry, ReadFrom from) {
  for (const WrittenFile& file : entry.manifest->files)
    verify_file(files, entry.folder, file, from);
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The process of ".NAME.tmp-PID-COUNT", which write_file_atomically (core/file_system.h) makes.
std::optional<std::string_view> writer_of(std::string_view name) {
  const size_t at = name.rfind(".tmp-");
  if (!name.starts_with(".") || at == 0 || at == std::string_view::npos) return std::nullopt;
  const std::string_view numbers = name.substr(at + 5);
  const size_t dash = std::min(numbers.find('-'), numbers.size());
  if (dash == numbers.size() || !is_digits(numbers.substr(0, dash)) ||
      !is_digits(numbers.substr(dash + 1)))
    return std::nullopt;
  return numbers.substr(0, dash);
}

// What a name beside the checkpoints means; empty for what is none of theirs.
std::string_view meaning_of(std::string_view name) {
  if (name.starts_with(kQuarantine) && name.substr(kQuarantine.size()).starts_with("checkpoint-"))
    return kQuarantined;
  if (writer_of(name)) return kTemporaryFile;
  const size_t dot = name.rfind('.');
  if (!name.starts_with(".") || dot == 0 || !checkpoint_step(name.substr(1, dot - 1))) return "";
  const std::string_view suffix = name.substr(dot + 1);
  if (suffix == "partial") return "unfinished";
  if (suffix == "replaced") return "replaced";
  return suffix == "removed" ? "half removed" : "";
}

}  // namespace

bool is_abandoned_file(std::string_view name) {
  const auto writer = writer_of(name);
  pid_t process = 0;
  if (!writer ||
      std::from_chars(writer->data(), writer->data() + writer->size(), process).ec != std::errc())
    return false;
  return process > 0 && ::kill(process, 0) != 0 && errno == ESRCH;
}

std::string_view name_of(CheckpointState state) {
  if (state == CheckpointState::kIntact) return "intact";
  return state == CheckpointState::kDamaged ? "damaged" : "newer";
}

CheckpointEntry examine_checkpoint(const FileSystem& files, const Path& folder, CensusDepth depth,
                                   ReadFrom from) {
  CheckpointEntry entry{.step = checkpoint_step(folder.filename().string()).value_or(0),
                        .folder = folder};
  try {
    refuse_links(files, parent_folder(folder), folder.filename());
    entry.bytes = bytes_below(files, folder);
    entry.manifest = read_manifest(files, folder);
    entry.step = entry.manifest->step;
    if (depth == CensusDepth::kSizes) check_sizes(files, entry);
    else check_hashes(files, entry, from);
  } catch (const NewerCheckpoint& error) {
    entry.state = CheckpointState::kNewer;
    entry.problem = error.what();
  } catch (const Error& error) {
    entry.state = CheckpointState::kDamaged;
    entry.problem = error.what();
  }
  return entry;
}

CheckpointCensus take_census(const FileSystem& files, const Path& output_dir, CensusDepth depth,
                             ReadFrom from) {
  CheckpointCensus census;
  for (const int64_t step : checkpoint_steps(files, output_dir)) {
    CheckpointEntry entry =
        examine_checkpoint(files, checkpoint_folder(output_dir, step), depth, from);
    if (files.status(entry.folder).kind == FileKind::kMissing) continue;  // purged meanwhile
    census.checkpoints.push_back(std::move(entry));
  }
  for (const std::string& name : files.list(output_dir))
    if (const std::string_view meaning = meaning_of(name); !meaning.empty())
      census.leftovers.push_back({.path = output_dir / name,
                                  .meaning = std::string(meaning),
                                  .bytes = bytes_below(files, output_dir / name)});
  return census;
}

std::vector<FileVerdict> verify_files(const FileSystem& files, const Path& folder,
                                      const CheckpointManifest& manifest, ReadFrom from) {
  std::vector<FileVerdict> verdicts;
  for (const WrittenFile& file : manifest.files) {
    FileVerdict verdict{.name = file.name, .bytes = file.bytes, .problem = {}};
    try {
      verify_file(files, folder, file, from);
    } catch (const Error& error) {
      verdict.problem = error.what();
    }
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

namespace {

// Names below `folder`, of files and links; folders that hold none count as themselves.
void add_names(const FileSystem& files, const Path& folder, const std::string& prefix,
               std::vector<std::string>& names) {
  for (const std::string& name : files.list(folder)) {
    const FileStatus status = files.status(folder / name);
    const size_t before = names.size();
    if (status.kind == FileKind::kFolder && !status.is_link)
      add_names(files, folder / name, prefix + name + "/", names);
    if (names.size() == before) names.push_back(prefix + name);
  }
}

}  // namespace

std::vector<std::string> extra_files(const FileSystem& files, const Path& folder,
                                     const CheckpointManifest& manifest) {
  std::vector<std::string> names;
  add_names(files, folder, "", names);
  std::erase_if(names, [&](const std::string& name) {
    const auto is_it = [&](const WrittenFile& file) { return file.name == name; };
    return name == kManifestName ||
           std::any_of(manifest.files.begin(), manifest.files.end(), is_it);
  });
  return names;
}

Path quarantine_name(const FileSystem& files, const Path& folder) {
  const std::string base = std::string(kQuarantine) + folder.filename().string();
  Path name = parent_folder(folder) / base;
  for (int64_t number = 2;; ++number) {
    const FileStatus status = files.status(name);
    if (status.kind == FileKind::kMissing && !status.is_link) return name;
    name = parent_folder(folder) / (base + "-" + std::to_string(number));
  }
}

}  // namespace weft::io
