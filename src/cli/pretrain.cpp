// `weft pretrain`: trains a language model from scratch, or goes on with one.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "cli/config_options.h"
#include "cli/verb.h"
#include "core/process.h"
#include "core/quote.h"
#include "report/progress.h"
#include "report/terminal_curve.h"
#include "train/pretrainer.h"
#include "train/run_page.h"
#include "weft/kernel_choice.h"

namespace weft::cli {
namespace {

// A progress bar on a terminal, a plain line for each step otherwise.
class ConsoleListener final : public train::RunListener {
 public:
  void start(int64_t max_steps) {
    max_steps_ = max_steps;
    if (is_terminal(STDERR_FILENO))
      bar_ = std::make_unique<report::ProgressBar>(std::cerr, max_steps, [] {
        return report::BarStyle{.width = terminal_width(), .unicode = terminal_unicode()};
      });
  }
  void finish() {
    if (bar_) bar_->finish();
  }

  void record(const report::LogRecord& record) override {
    if (bar_) bar_->show(record);
    else std::cout << report::plain_line(record, max_steps_) << std::endl;  // seen at once in a log
  }
  void message(const std::string& text) override {
    if (bar_) bar_->message(printable_lines(text));
    else std::cerr << "weft: " << printable_lines(text) << std::endl;
  }

 private:
  int64_t max_steps_ = 0;
  std::unique_ptr<report::ProgressBar> bar_;
};

void show_start(const train::Pretrainer& run, ConsoleListener& listener) {
  const train::PlanReport& plan = run.plan_report();
  listener.message("parameters " + std::to_string(plan.parameter_count) + ", planned memory " +
                   bytes_text(plan.total) + ", threads " + std::to_string(run.plan().threads) +
                   ", device cpu, kernels " + kernels_in_use() + ", steps " +
                   std::to_string(run.first_step()) + " to " + std::to_string(run.total_steps()));
}

void show_end(train::Pretrainer& run, const train::PretrainResult& result, const Path& output_dir,
              ConsoleListener& listener) {
  listener.finish();
  if (is_terminal(STDERR_FILENO))
    std::cerr << report::terminal_curve(
        std::vector<report::Series>{report::series_of(run.records(), "loss"),
                                    report::series_of(run.records(), "eval_loss")},
        {.width = std::clamp(terminal_width() - 1, 24, 100), .unicode = terminal_unicode()});
  listener.message("memory: " + bytes_text(run.plan().bytes) + " planned, arena high-water mark " +
                   bytes_text(run.session().high_water_bytes()) + ", in huge pages " +
                   bytes_text(run.session().huge_page_bytes()) + ", resident " +
                   bytes_text(resident_bytes()) + ", of which " + bytes_text(run.baseline_bytes()) +
                   " before the plan's memory was taken");
  const std::string at =
      " at step " + std::to_string(result.updates) + ", run folder " + quote_path(output_dir);
  switch (result.outcome) {
    case train::Outcome::kFinished: return listener.message("finished" + at);
    case train::Outcome::kInterrupted:
      listener.message("interrupted and saved" + at + "; the same command goes on");
      throw CLI::RuntimeError(interrupted_exit_code());
    case train::Outcome::kStoppedEarly:
      return listener.message("stopped early: no better evaluation" + at);
    case train::Outcome::kDiverged:
      throw Error("diverged: gradients are not finite" + at +
                      "; try a lower learning_rate or more warmup_steps",
                  ExitCode::kDiverged);
  }
}

void run_pretraining(const ConfigOptions& options, bool print_config) {
  const train::PretrainConfig config = load_config(options);
  if (print_config) {
    std::cout << config_text(config);
    return;
  }
  ConsoleListener listener;
  train::Pretrainer run(config, {.listener = &listener, .interrupts = &interrupts()});
  show_start(run, listener);
  listener.start(run.total_steps());
  const train::PretrainResult result = run.run();
  train::write_run_page(run, result);
  show_end(run, result, config.output_dir, listener);
}

}  // namespace

void add_pretrain(CLI::App& app) {
  struct Options {
    ConfigOptions config;
    bool print_config = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("pretrain", "Train a language model by a config");
  verb->footer(
      "Example:\n  weft pretrain configs/pretrain/demo.yaml max_steps=100 output_dir=runs/try\n"
      "Ctrl-C finishes the step, saves and ends (exit code 130); twice ends at once. SIGTERM and\n"
      "SIGUSR1 save and end with exit code 75. The same command goes on.");
  add_config_options(*verb, options->config);
  verb->add_flag("--print-config", options->print_config, "print the resolved config and end");
  verb->callback([options] { run_pretraining(options->config, options->print_config); });
}

}  // namespace weft::cli
