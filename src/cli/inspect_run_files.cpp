// The readers behind `weft inspect` (inspect_formats.h) of what a run leaves behind, beside its
// checkpoints' tensors: its folder, its state, its history.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/inspect_formats.h"
#include "core/quote.h"
#include "core/strict_json.h"
#include "io/checkpoint_census.h"
#include "report/json_log.h"
#include "train/load_pretrain_config.h"
#include "train/run_record.h"
#include "train/run_state.h"
#include "train/run_status.h"
#include "weft/error.h"

namespace weft::cli {

using nlohmann::ordered_json;

namespace {

constexpr int64_t kLargestState = int64_t{1} << 20;

// The values of a record that are there, as log.jsonl writes them.
ordered_json values_of(const report::LogRecord& record) {
  return ordered_json::parse(report::to_json(record));
}

}  // namespace

ordered_json inspect_run(const FormatSource& source, const FormatOptions& options) {
  const auto depth = options.hashes ? io::CensusDepth::kHashes : io::CensusDepth::kSizes;
  const io::CheckpointCensus census = io::take_census(real_file_system(), source.path, depth);
  auto rows = ordered_json::array();
  for (const io::CheckpointEntry& entry : census.checkpoints) {
    if (entry.state == io::CheckpointState::kDamaged)
      throw Error("the checkpoint of step " + std::to_string(entry.step) +
                  " is damaged: " + entry.problem);
    rows.push_back({{"name", entry.folder.filename().string()},
                    {"step", entry.step},
                    {"state", io::name_of(entry.state)},
                    {"bytes", entry.bytes}});
  }
  ordered_json facts = {{"hashes_checked", options.hashes}, {"checkpoints", std::move(rows)}};
  if (source.has(std::string(train::kRunConfigFile)))
    facts["config"] = inspect_yaml(source.file(std::string(train::kRunConfigFile)), options);
  return facts;
}

ordered_json inspect_run_state(const FormatSource& source, const FormatOptions&) {
  const train::RunState state = train::run_state_from_json(
      read_text_file(source.path, kLargestState), printable(source.path.native()));
  return ordered_json::parse(train::to_json(state));
}

// How far it goes and what stands at its ends; `weft report` draws what is between.
ordered_json inspect_run_log(const FormatSource& source, const FormatOptions&) {
  const report::LogContents log = report::read_log(real_file_system(), source.path);
  if (!log.bad_lines.empty()) throw Error(log.bad_lines.front());
  ordered_json facts = {{"records", log.records.size()}, {"torn_last_line", log.torn_last_line}};
  const auto count = [&](auto has) {
    return std::count_if(log.records.begin(), log.records.end(), has);
  };
  using report::LogRecord;
  facts["losses"] = count([](const LogRecord& r) { return r.loss.has_value(); });
  facts["evaluations"] = count([](const LogRecord& r) { return r.eval_loss.has_value(); });
  facts["with_samples"] = count([](const LogRecord& r) { return !r.samples.empty(); });
  facts["with_warnings"] = count([](const LogRecord& r) { return !r.warnings.empty(); });
  if (log.records.empty()) return facts;
  facts["first"] = values_of(log.records.front());
  facts["last"] = values_of(log.records.back());
  return facts;
}

ordered_json inspect_run_status(const FormatSource& source, const FormatOptions&) {
  const train::RunStatus status = train::run_status_from_json(
      read_text_file(source.path, train::kLargestRunStatus), quote_path(source.path));
  return ordered_json::parse(train::to_json(status));
}

ordered_json inspect_run_record(const FormatSource& source, const FormatOptions&) {
  const std::string text = real_file_system().read(source.path, train::kLargestRunRecord);
  auto processes = ordered_json::array();
  std::string_view rest = text;
  // What a killed process left of a line is no line; the next process takes it off.
  for (size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
    const std::string place =
        printable(source.path.native()) + " (line " + std::to_string(processes.size() + 1) + ")";
    processes.emplace_back(parse_json(rest.substr(0, end), place));
    if (!processes.back().is_object()) throw Error(place + ": a JSON object is needed");
    rest.remove_prefix(end + 1);
  }
  return {{"torn_last_line", !rest.empty()}, {"processes", std::move(processes)}};
}

}  // namespace weft::cli
