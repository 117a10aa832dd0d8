// `weft checkpoint list` and `verify`: which checkpoints a run has, and which are intact.
#include "cli/checkpoint.h"

#include <array>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>

#include "core/quote.h"
#include "core/size_text.h"
#include "io/checkpoint_store.h"
#include "train/run_state.h"

namespace weft::cli {

using nlohmann::ordered_json;

namespace {

struct Options {
  std::string path;
  bool quick = false;
  bool json = false;
};

Path without_slash(const std::string& given) {
  Path path = given;
  while (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  return path;
}

bool is_there(const Path& path) {
  return real_file_system().status(path).kind != FileKind::kMissing;
}

Path existing_folder(const std::string& given) {
  const Path path = without_slash(given);
  const FileKind kind = real_file_system().status(path).kind;
  if (kind == FileKind::kMissing)
    throw Error(quote(given) + " does not exist; give the output_dir of a run");
  if (kind != FileKind::kFolder)
    throw Error(quote(given) + " is no folder; give the output_dir of a run");
  return path;
}

// A single checkpoint, whatever its folder is called now.
bool is_checkpoint(const Path& folder) {
  return is_there(folder / io::kManifestName) ||
         (io::checkpoint_step(folder.filename().string()) && !is_there(folder / io::kRunLockFile));
}

void check_is_run(const Path& folder) {
  const FileSystem& files = real_file_system();
  if (!io::checkpoint_steps(files, folder).empty()) return;
  if (is_there(folder / train::kRunConfigFile) || is_there(folder / io::kRunLockFile)) return;
  throw Error(quote_path(folder) +
              " has no checkpoints and is no run of Weft; give the output_dir of a run");
}

}  // namespace

Path run_folder(const std::string& given) {
  const Path folder = existing_folder(given);
  if (is_checkpoint(folder))
    throw Error(quote(given) + " is one checkpoint; give the folder of its run, " +
                quote_path(parent_folder(folder)));
  check_is_run(folder);
  return folder;
}

std::string json_path(const Path& path) {
  return path.string();
}

void print_json(const ordered_json& values) {
  std::cout << json_text(values, 2) << "\n";
}

namespace {

ordered_json score_json(const io::CheckpointEntry& entry) {
  if (!entry.manifest || !entry.manifest->score) return nullptr;
  return *entry.manifest->score;
}

std::string score_text(const io::CheckpointEntry& entry) {
  if (!entry.manifest || !entry.manifest->score) return "-";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4f", *entry.manifest->score);
  return text.data();
}

// The step of the newest intact one and of the best; -1 where there is none.
struct Marks {
  int64_t latest = -1, best = -1;
};

Marks marks_of(const io::CheckpointCensus& census) {
  Marks marks;
  std::optional<double> lowest;
  for (const io::CheckpointEntry& entry : census.checkpoints) {
    if (entry.state != io::CheckpointState::kIntact) continue;
    if (marks.latest < 0) marks.latest = entry.step;
    const std::optional<double> score = entry.manifest->score;
    if (!score || (lowest && !(*score <= *lowest))) continue;
    lowest = score;
    marks.best = entry.step;
  }
  return marks;
}

ordered_json entry_json(const io::CheckpointEntry& entry) {
  ordered_json out = {{"step", entry.step},
                      {"folder", json_path(entry.folder)},
                      {"state", io::name_of(entry.state)},
                      {"score", score_json(entry)},
                      {"bytes", entry.bytes}};
  if (!entry.problem.empty()) out["problem"] = entry.problem;
  return out;
}

ordered_json step_or_null(int64_t step) {
  return step < 0 ? ordered_json(nullptr) : ordered_json(step);
}

ordered_json census_json(const Path& run, const io::CheckpointCensus& census, bool hashed) {
  const Marks marks = marks_of(census);
  ordered_json out = {{"run", json_path(run)},
                      {"hashes_checked", hashed},
                      {"latest", step_or_null(marks.latest)},
                      {"best", step_or_null(marks.best)},
                      {"checkpoints", ordered_json::array()},
                      {"leftovers", ordered_json::array()}};
  for (const auto& entry : census.checkpoints) out["checkpoints"].push_back(entry_json(entry));
  for (const io::Leftover& leftover : census.leftovers)
    out["leftovers"].push_back({{"path", json_path(leftover.path)},
                                {"meaning", leftover.meaning},
                                {"bytes", leftover.bytes}});
  return out;
}

void print_line(const io::CheckpointEntry& entry, const Marks& marks, bool hashed) {
  const bool intact = entry.state == io::CheckpointState::kIntact;
  const std::string state(intact && !hashed ? "complete" : io::name_of(entry.state));
  std::string remark = printable(entry.problem);
  if (entry.step == marks.latest) remark += "latest ";
  if (entry.step == marks.best) remark += "best";
  std::printf("%10lld  %-8s  %10s  %12s  %s\n", static_cast<long long>(entry.step), state.c_str(),
              score_text(entry).c_str(), size_text(entry.bytes).c_str(), remark.c_str());
}

void print_census(const io::CheckpointCensus& census, bool hashed) {
  const Marks marks = marks_of(census);
  if (census.checkpoints.empty()) std::printf("no checkpoints yet\n");
  else std::printf("%10s  %-8s  %10s  %12s\n", "step", "state", "score", "size");
  for (const auto& entry : census.checkpoints) print_line(entry, marks, hashed);
  for (const io::Leftover& leftover : census.leftovers)
    std::printf("beside them: %s, %s, %s\n", quote(leftover.path.filename().string()).c_str(),
                leftover.meaning.c_str(), size_text(leftover.bytes).c_str());
  std::fflush(stdout);
}

void run_list(const Options& options) {
  const Path run = run_folder(options.path);
  const auto depth = options.quick ? io::CensusDepth::kSizes : io::CensusDepth::kHashes;
  const io::CheckpointCensus census = io::take_census(real_file_system(), run, depth);
  if (options.json) print_json(census_json(run, census, !options.quick));
  else print_census(census, !options.quick);
}

// One checkpoint, with what is wrong with each of its files.
struct Verified {
  io::CheckpointEntry entry;
  std::vector<io::FileVerdict> files;
  std::vector<std::string> extra;  // not in the manifest: read by nobody of ours, but told
};

// The manifest is judged first; the files then one by one, so that every damaged one is named.
Verified verify_one(const Path& folder) {
  const FileSystem& files = real_file_system();
  Verified verified{io::examine_checkpoint(files, folder, io::CensusDepth::kSizes), {}, {}};
  io::CheckpointEntry& entry = verified.entry;
  if (!entry.manifest) return verified;
  verified.files = io::verify_files(files, folder, *entry.manifest, ReadFrom::kDevice);
  verified.extra = io::extra_files(files, folder, *entry.manifest);
  for (const io::FileVerdict& file : verified.files) {
    if (file.problem.empty()) continue;
    if (entry.state == io::CheckpointState::kIntact) entry.problem = file.problem;
    entry.state = io::CheckpointState::kDamaged;
  }
  return verified;
}

std::vector<Verified> verify_all(const std::string& path) {
  const Path folder = existing_folder(path);
  std::vector<Verified> result;
  if (is_checkpoint(folder)) {
    result.push_back(verify_one(behind_links(real_file_system(), folder)));
    return result;
  }
  check_is_run(folder);
  for (const int64_t step : io::checkpoint_steps(real_file_system(), folder))
    result.push_back(verify_one(io::checkpoint_folder(folder, step)));
  return result;
}

ordered_json verified_json(const Verified& verified) {
  ordered_json out = entry_json(verified.entry);
  out["files"] = ordered_json::array();
  for (const io::FileVerdict& file : verified.files) {
    ordered_json entry = {
        {"name", file.name}, {"bytes", file.bytes}, {"intact", file.problem.empty()}};
    if (!file.problem.empty()) entry["problem"] = file.problem;
    out["files"].push_back(std::move(entry));
  }
  out["extra"] = verified.extra;
  return out;
}

void print_verified(const Verified& verified) {
  const io::CheckpointEntry& entry = verified.entry;
  std::printf("%s: %s", printable(entry.folder.native()).c_str(),
              std::string(name_of(entry.state)).c_str());
  if (entry.state == io::CheckpointState::kIntact)
    std::printf(", %zu files, %s", verified.files.size(), size_text(entry.bytes).c_str());
  std::printf("\n");
  if (!entry.manifest) std::printf("  %s\n", entry.problem.c_str());
  for (const io::FileVerdict& file : verified.files)
    if (!file.problem.empty()) std::printf("  %s\n", file.problem.c_str());
  for (const std::string& name : verified.extra)
    std::printf("  extra: %s, which the manifest does not list\n", quote(name).c_str());
  std::fflush(stdout);
}

void run_verify(const Options& options) {
  const std::vector<Verified> all = verify_all(options.path);
  ordered_json list = ordered_json::array();
  size_t intact = 0;
  std::string first;
  for (const Verified& verified : all) {
    const bool good = verified.entry.state == io::CheckpointState::kIntact;
    intact += good ? 1 : 0;
    if (!good && first.empty()) first = verified.entry.problem;
    if (options.json) list.push_back(verified_json(verified));
    else print_verified(verified);
  }
  if (options.json) print_json({{"intact", intact == all.size()}, {"checkpoints", list}});
  else if (all.empty()) std::printf("no checkpoints yet\n");
  std::fflush(stdout);
  std::cout.flush();
  if (intact < all.size())
    throw Error(std::to_string(all.size() - intact) + " of " + std::to_string(all.size()) +
                " checkpoints cannot be used: " + first);
}

void add_looking(Verb& parent, bool verifies) {
  auto options = std::make_shared<Options>();
  Verb verb = verifies ? parent.add_verb("verify", "Read every byte again and compare all hashes")
                       : parent.add_verb("list", "Tell what is there and which ones are intact");
  verb.footer(verifies ? "Example:\n  weft checkpoint verify runs/demo\nExit code 2 if one is "
                         "damaged. Files that no "
                         "manifest lists are named; they are no damage."
                       : "Example:\n  weft checkpoint list runs/demo");
  verb.add_option("run", options->path,
                  verifies ? "the output_dir of `weft pretrain`, or one checkpoint of it"
                           : "the output_dir of `weft pretrain`")
      .required();
  if (!verifies)
    verb.add_flag("--quick", options->quick, "compare sizes only: reads no file but manifests");
  verb.add_flag("--json", options->json, "as JSON");
  verb.callback([options, verifies] { verifies ? run_verify(*options) : run_list(*options); });
}

}  // namespace

void add_checkpoint(Verb& app) {
  Verb verb = app.add_verb("checkpoint", "Look after the checkpoints of a run");
  verb.footer("Example:\n  weft checkpoint list runs/demo");
  verb.needs_verb();
  add_looking(verb, false);
  add_looking(verb, true);
  add_checkpoint_diff(verb);
  add_checkpoint_prune(verb);
}

}  // namespace weft::cli
