// run_status.json: what the process that last worked on a run says of it, at its start and at its
// end, and the list of runs that is made of it. That a run is running is told by its lock alone,
// never by this file: a process that was killed leaves "running" behind.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.h"

namespace weft::train {

inline constexpr std::string_view kRunStatusFile = "run_status.json";
inline constexpr int64_t kLargestRunStatus = 64 << 10;  // bytes of the file

enum class RunPhase : uint8_t { kRunning, kFinished, kInterrupted, kFailed };
std::string_view name_of(RunPhase phase);

struct RunStatus {
  RunPhase phase = RunPhase::kRunning;
  int64_t step = 0;         // updates done
  int64_t total_steps = 0;  // 0: unknown
  std::optional<double> loss, eval_loss;
  std::string started;  // UTC: 2025-11-22T07:27:00Z
  std::string changed;  // when this was so
  std::string reason;   // in words; empty where there is nothing to say
  bool operator==(const RunStatus&) const = default;
};

std::string to_json(const RunStatus& status);
// Throws Error, beginning with `source`, for what to_json() did not write.
RunStatus run_status_from_json(std::string_view text, const std::string& source);

struct RunSummary {
  Path folder;
  RunStatus status;         // steps and losses of a run in progress are those of its log
  int64_t checkpoint = -1;  // the newest, whether intact or not; -1: none
};

// A folder in which `weft pretrain` has worked.
bool is_run(const FileSystem& files, const Path& folder);

// One run. Damaged or missing files make a summary that says so, no error.
RunSummary summary_of(FileSystem& files, const Path& run);

// `folder` itself if it is a run, else the runs in it and in its folders, three levels deep, by
// name. Links are not followed. Throws Error where there is no such folder.
std::vector<RunSummary> find_runs(FileSystem& files, const Path& folder);

}  // namespace weft::train
