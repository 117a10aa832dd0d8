// All that report.html shows, as plain data: whoever has a run's log, plan and config can make the
// page, during the run or years later.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/log_record.h"

namespace weft::report {

enum class RunState : uint8_t { kRunning, kFinished, kStopped, kDiverged };

struct LabelledValue {
  std::string label;
  std::string value;
};

struct MemoryCategory {
  std::string name;  // "parameters", "activations", ...
  int64_t bytes = 0;
};

struct PlanSummary {
  std::vector<MemoryCategory> categories;
  int64_t total_bytes = 0;           // what is allocated: the categories may overlap in time
  std::vector<LabelledValue> facts;  // parameter count, flops per step, largest micro-batch, ...
};

// A model to compare the validation loss with, such as counts of bigrams.
struct ReferenceLoss {
  std::string name;
  double loss = 0;  // nats per token
};

struct GeneratedSample {
  int64_t step = 0;
  std::string prompt;
  std::string text;  // what the model went on with
};

struct ReportData {
  std::string title;     // the run's name
  std::string subtitle;  // what it is: model, parameters, data
  RunState state = RunState::kRunning;
  std::string state_detail;  // "at step 120, interrupted"; may be empty
  std::string written;       // when the page was made
  int64_t max_steps = 0;     // 0: unknown
  std::vector<LogRecord> log;
  std::vector<ReferenceLoss> references;
  std::optional<PlanSummary> plan;
  std::string config;   // resolved, as YAML
  std::string profile;  // where a step's time goes, as `weft profile` prints it
  std::vector<GeneratedSample> samples;
  std::vector<LabelledValue> prepare;      // statistics of the data
  std::vector<LabelledValue> environment;  // machine, threads, versions
  std::vector<std::string> notes;          // of the whole run, beside those in the log
  std::vector<std::string> warnings;
};

}  // namespace weft::report
