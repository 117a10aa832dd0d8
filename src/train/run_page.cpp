#include "train/run_page.h"

#include <ctime>

#include <algorithm>
#include <array>

#include "config/load.h"
#include "core/contained_file.h"
#include "core/quote.h"
#include "core/thread_pool.h"
#include "io/checkpoint_store.h"
#include "report/html_report.h"
#include "report/number_text.h"
#include "train/load_pretrain_config.h"
#include "weft/kernel_choice.h"

namespace weft::train {
namespace {

constexpr std::string_view kPageName = "report.html";

report::RunState state_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kFinished: return report::RunState::kFinished;
    case Outcome::kDiverged: return report::RunState::kDiverged;
    default: return report::RunState::kStopped;
  }
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> buffer{};
  std::strftime(buffer.data(), buffer.size(), "%Y-%m-%d %H:%M UTC", &utc);
  return buffer.data();
}

report::PlanSummary plan_summary(const PlanReport& plan) {
  report::PlanSummary summary{.total_bytes = plan.total};
  summary.categories = {{"parameters (fp32)", plan.parameters},
                        {"copies in the compute type", plan.compute_copies},
                        {"gradients", plan.gradients},
                        {"optimizer state", plan.optimizer_state},
                        {"activations", plan.activations_total},
                        {"largest workspace", plan.largest_workspace},
                        {"evaluation and samples", plan.forward_programs},
                        {"constants and inputs", plan.constants + plan.inputs_and_scalars}};
  if (plan.on_device) summary.categories.push_back({"staging", plan.device_staging});
  if (plan.on_device) summary.categories.push_back({"workspace of kernels", plan.device_kernels});
  summary.facts = {
      {"parameters", report::grouped(plan.parameter_count)},
      {"Gflop per micro-batch", report::significant(plan.flops_per_micro_batch / 1e9, 4)}};
  return summary;
}

struct PageSource {
  const PretrainConfig& config;
  const PlanReport& plan;
  int threads = 1;
  report::RunState state = report::RunState::kRunning;
  int64_t step = 0;
  int64_t total_steps = 0;
  const std::vector<report::LogRecord>& records;
  std::string profile = {};
};

// What `weft profile --save` left in a run's folder; empty if there is none.
std::string saved_profile(FileSystem& files, const Path& run) {
  constexpr int64_t kMost = int64_t{1} << 20;
  const Path file = run / kProfileFile;
  refuse_link_outside(run, file);  // or any file of the user's would be on a page that goes round
  return files.status(file).kind == FileKind::kFile ? read_text_file(file, kMost) : "";
}

std::vector<report::GeneratedSample> samples_of(const std::vector<report::LogRecord>& records) {
  std::vector<report::GeneratedSample> samples;
  for (const report::LogRecord& record : records)
    for (const report::TextSample& sample : record.samples)
      samples.push_back({.step = record.step, .prompt = sample.prompt, .text = sample.text});
  return samples;
}

report::ReportData page_of(const PageSource& source) {
  const PretrainConfig& config = source.config;
  Path folder = config.output_dir;
  if (!folder.has_filename()) folder = folder.parent_path();  // "runs/demo/"
  return {.title = folder.filename().string(),
          .subtitle = "pretraining, " + std::string(name_of(config.model->model_type)) + ", " +
                      report::grouped(source.plan.parameter_count) + " parameters",
          .state = source.state,
          .state_detail = "at step " + std::to_string(source.step),
          .written = now_text(),
          .max_steps = source.total_steps,
          .log = source.records,
          .plan = plan_summary(source.plan),
          .config = config::print(config),
          .profile = source.profile,
          .samples = samples_of(source.records),
          .environment = {{"threads", std::to_string(source.threads)},
                          {"precision", std::string(name_of(config.precision))},
                          {"kernels", source.plan.on_device ? "of the device" : kernels_in_use()},
                          {"device", source.plan.on_device ? "cuda" : "cpu"},
                          {"version", WEFT_VERSION}}};
}

}  // namespace

void write_run_page(Pretrainer& run, const PretrainResult& result) {
  const auto& wanted = run.config().report_to;
  if (std::find(wanted.begin(), wanted.end(), "html") == wanted.end()) return;
  run.guarded([&](FileSystem& files) {
    const Path folder = run.config().output_dir;
    const report::ReportData data = page_of({.config = run.config(),
                                             .plan = run.plan_report(),
                                             .threads = run.plan().options.threads,
                                             .state = state_of(result.outcome),
                                             .step = result.updates,
                                             .total_steps = run.total_steps(),
                                             .records = run.records(),
                                             .profile = saved_profile(files, folder)});
    report::write_html_report(files, folder / kPageName, data);
  });
}

Path write_page_of_folder(FileSystem& files, const Path& run) {
  const Path config_file = run / kRunConfigFile, log_file = run / kRunLogFile;
  for (const Path& file : {config_file, log_file}) {
    refuse_link_outside(run, file);
    if (files.status(file).kind != FileKind::kFile)
      throw Error("there is no " + quote(file.string()) +
                  "; give the output_dir of a run of `weft pretrain`");
  }
  const PretrainConfig config = load_pretrain_config(config_file).config;
  const int threads = config.threads ? static_cast<int>(*config.threads) : usable_threads();
  const bool on_device = runtime::plans_for_gpu(config.device, config.kernels);
  const PlanReport plan = report_plan(plan_pretraining(config, threads, on_device));
  const report::LogContents log = report::read_log(files, log_file);
  const std::vector<report::LogRecord>& records = log.records;
  const int64_t step = records.empty() ? 0 : records.back().step;
  const bool finished = config.max_steps && step >= *config.max_steps;
  const report::RunState unfinished =
      io::run_in_progress(run) ? report::RunState::kRunning : report::RunState::kStopped;
  report::ReportData data = page_of({.config = config,
                                     .plan = plan,
                                     .threads = threads,
                                     .state = finished ? report::RunState::kFinished : unfinished,
                                     .step = step,
                                     .total_steps = config.max_steps.value_or(0),
                                     .records = records,
                                     .profile = saved_profile(files, run)});
  data.warnings = log.bad_lines;
  report::write_html_report(files, run / kPageName, data);
  return run / kPageName;
}

}  // namespace weft::train
