// `weft runs`: which runs there are, how far they are, and how they ended.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/checkpoint.h"
#include "cli/verb.h"
#include "report/number_text.h"
#include "report/safe_text.h"
#include "train/run_status.h"

namespace weft::cli {
namespace {

using nlohmann::ordered_json;
using train::RunSummary;

ordered_json loss_json(const std::optional<double>& loss) {
  if (!loss) return nullptr;
  return std::isfinite(*loss) ? ordered_json(*loss) : ordered_json(report::fixed(*loss, 4));
}

ordered_json summary_json(const RunSummary& run) {
  const train::RunStatus& status = run.status;
  return {{"folder", json_path(run.folder)},
          {"state", name_of(status.phase)},
          {"step", status.step},
          {"total_steps", status.total_steps},
          {"loss", loss_json(status.loss)},
          {"eval_loss", loss_json(status.eval_loss)},
          {"checkpoint", run.checkpoint < 0 ? ordered_json(nullptr) : ordered_json(run.checkpoint)},
          {"started", status.started},
          {"changed", status.changed},
          {"reason", status.reason}};
}

std::string loss_text(const std::optional<double>& loss) {
  return loss ? report::fixed(*loss, 4) : "-";
}

std::string steps_text(const train::RunStatus& status) {
  const std::string total = status.total_steps > 0 ? std::to_string(status.total_steps) : "?";
  return std::to_string(status.step) + "/" + total;
}

// printf counts bytes, a terminal columns.
void print_folder(const std::string& name, int width) {
  std::printf("%s%*s", name.c_str(), width - report::columns(name), "");
}

void print_table(const std::vector<RunSummary>& runs) {
  int width = 6;
  for (const RunSummary& run : runs)
    width = std::max(width, report::columns(report::printable(run.folder.string())));
  print_folder("folder", width);
  std::printf("  %-11s  %15s  %9s  %9s  %s\n", "state", "step", "loss", "eval loss", "changed");
  for (const RunSummary& run : runs) {
    const train::RunStatus& status = run.status;
    print_folder(report::printable(run.folder.string()), width);
    std::printf("  %-11s  %15s  %9s  %9s  %s\n", std::string(name_of(status.phase)).c_str(),
                steps_text(status).c_str(), loss_text(status.loss).c_str(),
                loss_text(status.eval_loss).c_str(), report::printable(status.changed).c_str());
    if (!status.reason.empty()) std::printf("    %s\n", report::printable(status.reason).c_str());
  }
}

void list_runs(const std::string& folder, bool json) {
  Path path = folder;
  while (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  const std::vector<RunSummary> runs = train::find_runs(real_file_system(), path);
  if (json) {
    ordered_json list = ordered_json::array();
    for (const RunSummary& run : runs) list.push_back(summary_json(run));
    print_json({{"folder", json_path(path)}, {"runs", std::move(list)}});
    return;
  }
  if (runs.empty()) std::printf("no runs in '%s'\n", report::printable(folder).c_str());
  else print_table(runs);
  std::fflush(stdout);
}

}  // namespace

void add_runs(Verb& app) {
  struct Options {
    std::string folder = "runs";
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  Verb verb =
      app.add_verb("runs", "List runs: running, finished, interrupted or failed; steps, loss");
  verb.footer("Example:\n  weft runs runs/");
  verb.add_option("folder", options->folder, "a folder that holds runs, or one run")
      .shows_default();
  verb.add_flag("--json", options->json, "as JSON");
  verb.callback([options] { list_runs(options->folder, options->json); });
}

}  // namespace weft::cli
