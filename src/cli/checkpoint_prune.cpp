// `weft checkpoint prune` and `repair`: what changes a run's folder, under its lock.
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/checkpoint.h"
#include "config/load.h"
#include "core/quote.h"
#include "core/size_text.h"
#include "io/checkpoint_store.h"
#include "train/resume.h"
#include "train/run_state.h"

namespace weft::cli {
namespace {

using nlohmann::ordered_json;

struct PruneOptions {
  std::string run;
  std::optional<int64_t> keep_last;
  std::optional<int64_t> keep_every;
  std::optional<bool> keep_best;
  bool yes = false;
  bool json = false;
};

// What the run's config says, changed by the command line.
io::CheckpointOptions retention_of(const PruneOptions& options, const Path& run) {
  io::CheckpointOptions keep;
  const Path config = run / train::kRunConfigFile;
  if (real_file_system().status(config).kind == FileKind::kFile)
    keep = train::retention(config::load<train::PretrainConfig>(config).value);
  keep.keep_last = options.keep_last.value_or(keep.keep_last);
  keep.keep_every = options.keep_every.value_or(keep.keep_every);
  keep.keep_best = options.keep_best.value_or(keep.keep_best);
  if (keep.keep_last < 1)
    throw Error("the config of " + quote_path(run) +
                " keeps all checkpoints (save_total_limit is unset); say how many of the newest "
                "to keep with --keep-last N");
  return keep;
}

struct PrunePlan {
  std::vector<io::CheckpointEntry> remove, keep, unusable;
  int64_t bytes = 0;  // that removal frees
};

// Only checkpoints whose every hash agrees are counted, so that an intact one always remains; those
// that do not are neither counted nor removed.
PrunePlan plan_prune(const Path& run, const io::CheckpointOptions& keep) {
  const FileSystem& files = real_file_system();
  const auto census = io::take_census(files, run, io::CensusDepth::kHashes);
  std::vector<int64_t> intact;
  for (const io::CheckpointEntry& entry : census.checkpoints)
    if (entry.state == io::CheckpointState::kIntact) intact.push_back(entry.step);
  const std::vector<int64_t> removed = io::not_kept(files, run, intact, keep);
  PrunePlan plan;
  for (const io::CheckpointEntry& entry : census.checkpoints) {
    const bool goes = std::find(removed.begin(), removed.end(), entry.step) != removed.end();
    if (goes) plan.bytes += entry.bytes;
    if (entry.state != io::CheckpointState::kIntact) plan.unusable.push_back(entry);
    else (goes ? plan.remove : plan.keep).push_back(entry);
  }
  return plan;
}

ordered_json steps_json(const std::vector<io::CheckpointEntry>& entries) {
  ordered_json list = ordered_json::array();
  for (const auto& entry : entries) list.push_back({{"step", entry.step}, {"bytes", entry.bytes}});
  return list;
}

std::string steps_text(const std::vector<io::CheckpointEntry>& entries) {
  std::string text;
  for (const auto& entry : entries) text += (text.empty() ? "" : ", ") + std::to_string(entry.step);
  return text.empty() ? "none" : text;
}

void print_plan(const PrunePlan& plan, const PruneOptions& options) {
  if (options.json) {
    print_json({{"keep", steps_json(plan.keep)},
                {"remove", steps_json(plan.remove)},
                {"damaged", steps_json(plan.unusable)},
                {"frees", plan.bytes},
                {"removed", options.yes}});
    return;
  }
  std::cout << "kept: " << steps_text(plan.keep) << "\n"
            << (options.yes ? "removed: " : "to remove: ") << steps_text(plan.remove) << ", "
            << size_text(plan.bytes) << "\n";
  if (!plan.unusable.empty())
    std::cout << "not intact, so neither counted nor removed: " << steps_text(plan.unusable)
              << " (weft checkpoint repair)\n";
  if (!options.yes && !plan.remove.empty()) std::cout << "nothing was removed: --yes does it\n";
}

void say(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) std::cerr << "weft: " << printable_lines(line) << "\n";
}

void run_prune(const PruneOptions& options) {
  const Path run = run_folder(options.run);
  const io::CheckpointOptions keep = retention_of(options, run);
  if (!options.yes) return print_plan(plan_prune(run, keep), options);
  io::CheckpointStore store(real_file_system(), run, keep);
  say(store.notices());
  const PrunePlan plan = plan_prune(run, keep);
  std::vector<int64_t> steps;
  for (const io::CheckpointEntry& entry : plan.remove) steps.push_back(entry.step);
  store.remove(steps);
  print_plan(plan, options);
}

struct RepairOptions {
  std::string run;
  bool dry_run = false;
  bool json = false;
};

// What repair would do, one line each.
std::vector<std::string> planned_repair(const Path& run) {
  std::vector<std::string> lines;
  const auto census = io::take_census(real_file_system(), run, io::CensusDepth::kHashes);
  for (const io::CheckpointEntry& entry : census.checkpoints)
    if (entry.state == io::CheckpointState::kDamaged)
      lines.push_back(quote_path(entry.folder) + " would be renamed to " +
                      quote_path(io::quarantine_name(real_file_system(), entry.folder)) + ": " +
                      entry.problem);
  for (const io::Leftover& leftover : census.leftovers)
    if (leftover.meaning != io::kQuarantined)
      lines.push_back(quote_path(leftover.path) + " (" + leftover.meaning +
                      ") would be removed, or put back where it alone is intact");
  return lines;
}

std::vector<std::string> repair(const Path& run) {
  io::CheckpointStore store(real_file_system(), run, {});
  std::vector<std::string> lines = store.notices();
  const std::vector<std::string> more = store.repair();
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

void run_repair(const RepairOptions& options) {
  const Path run = run_folder(options.run);
  const std::vector<std::string> lines = options.dry_run ? planned_repair(run) : repair(run);
  if (options.json) return print_json({{"dry_run", options.dry_run}, {"actions", lines}});
  for (const std::string& line : lines) std::cout << line << "\n";
  if (lines.empty()) std::cout << "nothing to repair\n";
}

void add_repair(Verb& parent) {
  auto options = std::make_shared<RepairOptions>();
  Verb verb = parent.add_verb("repair",
                              "Move damaged checkpoints out of the way and remove unfinished ones");
  verb.footer(
      "Example:\n  weft checkpoint repair runs/demo --dry-run\n"
      "A damaged checkpoint-N becomes damaged-checkpoint-N; intact ones are never touched.");
  verb.add_option("run", options->run, "the output_dir of `weft pretrain`").required();
  verb.add_flag("--dry-run", options->dry_run, "tell what would be done, and do nothing");
  verb.add_flag("--json", options->json, "as JSON");
  verb.callback([options] { run_repair(*options); });
}

}  // namespace

void add_checkpoint_prune(Verb& parent) {
  auto options = std::make_shared<PruneOptions>();
  Verb verb = parent.add_verb("prune", "Tell what can be removed, and remove it");
  verb.footer(
      "Example:\n  weft checkpoint prune runs/demo --keep-last 2 --yes\n"
      "What is not given is taken from the run's config: save_total_limit, save_keep_every,\n"
      "keep_best_checkpoint. Without --yes nothing is removed.");
  verb.add_option("run", options->run, "the output_dir of `weft pretrain`").required();
  verb.add_option("--keep-last", options->keep_last, "how many of the newest intact ones stay")
      .between(1, int64_t{1} << 40);
  verb.add_option("--keep-every", options->keep_every, "steps that are a multiple of it stay too")
      .between(1, int64_t{1} << 40);
  verb.add_flag("--keep-best,!--no-keep-best", options->keep_best,
                "whether the one with the lowest validation loss stays too");
  verb.add_flag("--yes", options->yes, "remove them");
  verb.add_flag("--json", options->json, "as JSON");
  verb.callback([options] { run_prune(*options); });
  add_repair(parent);
}

}  // namespace weft::cli
