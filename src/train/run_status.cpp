#include "train/run_status.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/contained_file.h"
#include "core/json_number.h"
#include "core/mapped_file.h"
#include "core/process.h"
#include "core/quote.h"
#include "core/strict_json.h"
#include "io/checkpoint_store.h"
#include "report/log_record.h"
#include "train/run_log.h"
#include "train/run_state.h"

namespace weft::train {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr size_t kLogTail = 256 << 10;  // bytes: some thousand records
constexpr int kDeepest = 3;             // levels of folders that are searched
constexpr std::array kPhases = {RunPhase::kRunning, RunPhase::kFinished, RunPhase::kInterrupted,
                                RunPhase::kFailed};

ordered_json json_of(const std::optional<double>& loss) {
  return loss ? json_of_number(*loss) : nullptr;
}

std::optional<double> loss_of(const json& value) {
  if (value.is_null()) return std::nullopt;
  if (const auto loss = number_of_json(value)) return loss;
  throw Error("a loss is " + quote(value.dump()) + ", neither a number nor a word for one");
}

int64_t step_of(const json& value) {
  if (const auto step = count_of_json(value)) return *step;
  throw Error("a step is " + quote(value.dump()) + ", no integer of at least 0");
}

RunPhase phase_of(const std::string& word) {
  for (const RunPhase phase : kPhases)
    if (name_of(phase) == word) return phase;
  throw Error("no state is called " + quote(word));
}

// Steps and losses of the log's last records; a torn line is not looked at.
void add_log(const Path& file, RunStatus& status) {
  const MappedFile log(file);
  std::string_view text = log.text();
  if (text.size() > kLogTail) text.remove_prefix(text.size() - kLogTail);
  text = text.substr(0, text.rfind('\n') + 1);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    try {
      const auto record = report::log_record_from_json(text.substr(0, end), "log");
      status.step = std::max(status.step, record.step);
      if (record.loss) status.loss = record.loss;
      if (record.eval_loss) status.eval_loss = record.eval_loss;
      if (record.wall_time) status.changed = utc_text(*record.wall_time);
    } catch (const Error&) {  // the line that the tail begins within
    }
    text.remove_prefix(end + 1);
  }
}

bool is_file(const FileSystem& files, const Path& path) {
  return files.status(path).kind == FileKind::kFile;
}

// What a process left that ended without a word.
void judge_silent(RunStatus& status, int64_t checkpoint) {
  status.phase = RunPhase::kFailed;
  status.reason = "the process ended without a word at step " + std::to_string(status.step) +
                  " (killed, or the machine failed); the same command goes on from " +
                  (checkpoint < 0 ? "step 0" : "checkpoint-" + std::to_string(checkpoint));
}

// Folders that cannot be listed have no runs for us.
std::vector<std::string> names_in(const FileSystem& files, const Path& folder) {
  try {
    return files.list(folder);
  } catch (const FileError&) {
    return {};
  }
}

// Nor have those that cannot be looked into.
bool is_run_to_us(const FileSystem& files, const Path& folder) {
  try {
    return is_run(files, folder);
  } catch (const FileError&) {
    return false;
  }
}

void search(FileSystem& files, const Path& folder, int levels, std::vector<RunSummary>& found) {
  if (is_run_to_us(files, folder)) {
    found.push_back(summary_of(files, folder));
    return;
  }
  if (levels == 0) return;
  for (const std::string& name : names_in(files, folder)) {
    const FileStatus status = files.status(folder / name);
    if (status.kind == FileKind::kFolder && !status.is_link && !name.starts_with("."))
      search(files, folder / name, levels - 1, found);
  }
}

}  // namespace

std::string_view name_of(RunPhase phase) {
  switch (phase) {
    case RunPhase::kRunning: return "running";
    case RunPhase::kFinished: return "finished";
    case RunPhase::kInterrupted: return "interrupted";
    case RunPhase::kFailed: return "failed";
  }
  return "";
}

std::string to_json(const RunStatus& status) {
  const ordered_json out = {{"state", name_of(status.phase)},
                            {"step", status.step},
                            {"total_steps", status.total_steps},
                            {"loss", json_of(status.loss)},
                            {"eval_loss", json_of(status.eval_loss)},
                            {"started", status.started},
                            {"changed", status.changed},
                            {"reason", status.reason}};
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

RunStatus run_status_from_json(std::string_view text, const std::string& source) {
  try {
    const json in = parse_json(text, source);
    return {.phase = phase_of(in.at("state").get<std::string>()),
            .step = step_of(in.at("step")),
            .total_steps = step_of(in.at("total_steps")),
            .loss = loss_of(in.at("loss")),
            .eval_loss = loss_of(in.at("eval_loss")),
            .started = in.at("started").get<std::string>(),
            .changed = in.at("changed").get<std::string>(),
            .reason = in.at("reason").get<std::string>()};
  } catch (const json::exception& error) {
    throw Error(source + ": not the status of a run: " + error.what());
  } catch (const Error& error) {
    throw Error(source + ": not the status of a run: " + error.what());
  }
}

bool is_run(const FileSystem& files, const Path& folder) {
  return is_file(files, folder / kRunStatusFile) || is_file(files, folder / kRunConfigFile);
}

RunSummary summary_of(FileSystem& files, const Path& run) {
  RunSummary summary{.folder = run};
  RunStatus& status = summary.status;
  std::string problem;
  try {
    const Path file = run / kRunStatusFile;
    for (const Path& read : {file, run / kRunLogFile}) refuse_link_outside(run, read);
    status = run_status_from_json(files.read(file, kLargestRunStatus), quote_path(file));
    const std::vector<int64_t> checkpoints = io::checkpoint_steps(files, run);
    if (!checkpoints.empty()) summary.checkpoint = checkpoints.front();
    if (status.phase == RunPhase::kRunning && is_file(files, run / kRunLogFile))
      add_log(run / kRunLogFile, status);
  } catch (const Error& error) {
    problem = error.what();
  }
  if (io::run_in_progress(run)) status.phase = RunPhase::kRunning;
  else if (!problem.empty()) status.phase = RunPhase::kFailed;
  else if (status.phase == RunPhase::kRunning) judge_silent(status, summary.checkpoint);
  if (!problem.empty()) status.reason = problem;
  return summary;
}

std::vector<RunSummary> find_runs(FileSystem& files, const Path& folder) {
  if (files.status(folder).kind != FileKind::kFolder)
    throw Error(quote_path(folder) + " is no folder; give the folder that holds your runs");
  std::vector<RunSummary> found;
  search(files, folder, kDeepest, found);
  return found;
}

}  // namespace weft::train
