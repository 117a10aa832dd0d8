#include "train/run_page.h"

#include <ctime>

#include <array>

#include "report/html_report.h"

namespace weft::train {
namespace {

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
  summary.facts = {{"parameters", std::to_string(plan.parameter_count)},
                   {"Gflop per micro-batch", std::to_string(plan.flops_per_micro_batch / 1e9)}};
  return summary;
}

}  // namespace

void write_run_page(Pretrainer& run, const PretrainResult& result, const std::string& config_text) {
  const Path folder = run.config().output_dir;
  const report::ReportData data{
      .title = folder.filename().string(),
      .subtitle = "pretraining, " + std::string(name_of(run.config().model->model_type)) + ", " +
                  std::to_string(report_plan(run.plan()).parameter_count) + " parameters",
      .state = state_of(result.outcome),
      .state_detail = "at step " + std::to_string(result.updates),
      .written = now_text(),
      .max_steps = run.total_steps(),
      .log = run.records(),
      .plan = plan_summary(report_plan(run.plan())),
      .config = config_text,
      .samples = run.samples(),
      .environment = {{"threads", std::to_string(run.plan().threads)},
                      {"precision", std::string(name_of(run.config().precision))},
                      {"version", WEFT_VERSION}}};
  run.guarded(
      [&](FileSystem& files) { report::write_html_report(files, folder / "report.html", data); });
}

}  // namespace weft::train
