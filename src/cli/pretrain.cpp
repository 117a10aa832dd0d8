// `weft pretrain`: trains a language model from scratch, or goes on with one.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <ostream>

#include "cli/config_options.h"
#include "cli/patient_output.h"
#include "cli/verb.h"
#include "core/process.h"
#include "core/quote.h"
#include "core/size_text.h"
#include "report/progress.h"
#include "report/terminal_curve.h"
#include "train/pretrainer.h"
#include "train/run_page.h"
#include "weft/kernel_choice.h"

namespace weft::cli {
namespace {

// A progress bar on a terminal, a plain line for each step otherwise; training waits for no reader.
class ConsoleListener final : public train::RunListener {
 public:
  void start(int64_t max_steps) {
    max_steps_ = max_steps;
    if (is_terminal(STDERR_FILENO))
      bar_ = std::make_unique<report::ProgressBar>(err_, max_steps, [] {
        return report::BarStyle{.width = terminal_width(), .unicode = terminal_unicode()};
      });
  }
  void finish() {
    constexpr int kLastWords = 500;  // milliseconds
    if (bar_) bar_->finish();
    out_buffer_.wait_at_most(kLastWords);
    err_buffer_.wait_at_most(kLastWords);
  }

  void record(const report::LogRecord& record) override {
    if (bar_) bar_->show(without_warnings(record));
    else out_ << report::plain_line(record, max_steps_) << std::endl;  // seen at once in a log
  }
  void message(const std::string& text) override {
    if (bar_) bar_->message(printable_lines(text));
    else err_ << "weft: " << printable_lines(text) << std::endl;
  }

 private:
  // They come as messages too.
  static report::LogRecord without_warnings(report::LogRecord record) {
    record.warnings.clear();
    return record;
  }

  PatientBuffer out_buffer_{STDOUT_FILENO}, err_buffer_{STDERR_FILENO};
  std::ostream out_{&out_buffer_}, err_{&err_buffer_};
  int64_t max_steps_ = 0;
  std::unique_ptr<report::ProgressBar> bar_;
};

std::string steps_text(const train::Pretrainer& run) {
  const std::string total = std::to_string(run.total_steps());
  const std::string first = std::to_string(run.first_step());
  if (run.first_step() < run.total_steps()) return "steps " + first + " to " + total;
  return "no step is left: the run has made " + first + ", its config asks for " + total +
         "; a larger max_steps, num_epochs or max_tokens goes on with it";
}

void show_start(const train::Pretrainer& run, ConsoleListener& listener) {
  const train::PlanReport& plan = run.plan_report();
  listener.message("parameters " + std::to_string(plan.parameter_count) + ", planned memory " +
                   size_text(plan.total) + ", threads " +
                   std::to_string(run.plan().options.threads) + ", device " + run.device_text() +
                   ", kernels " + run.kernels() + ", " + steps_text(run));
}

void show_end(train::Pretrainer& run, const train::PretrainResult& result, const Path& output_dir,
              ConsoleListener& listener) {
  listener.finish();
  if (is_terminal(STDERR_FILENO))
    print_last_words(report::terminal_curve(
        std::vector<report::Series>{report::series_of(run.records(), "loss"),
                                    report::series_of(run.records(), "eval_loss")},
        {.width = std::clamp(terminal_width() - 1, 24, 100), .unicode = terminal_unicode()}));
  const bool on_device = run.session().device() != nullptr;
  listener.message("memory: " + size_text(run.plan().bytes) + " planned, arena high-water mark " +
                   size_text(run.session().high_water_bytes()) +
                   (on_device ? " on the device"
                              : ", in huge pages " + size_text(run.session().huge_page_bytes())) +
                   ", resident " + size_text(resident_bytes()) + ", of which " +
                   size_text(run.baseline_bytes()) + " before the plan's memory was taken");
  const std::string at =
      " at step " + std::to_string(result.updates) + ", run folder " + quote_path(output_dir);
  switch (result.outcome) {
    case train::Outcome::kFinished: return listener.message("finished" + at);
    case train::Outcome::kInterrupted:
      listener.message(result.updates == 0
                           ? "interrupted before the first step; the same command begins the run"
                           : "interrupted and saved" + at + "; the same command goes on");
      throw EndWith{interrupted_exit_code()};
    case train::Outcome::kStoppedEarly:
      return listener.message("stopped early: no better evaluation" + at);
    case train::Outcome::kDiverged:
      throw Error("diverged" + at + ": " + result.reason +
                      "; try a lower learning_rate or more warmup_steps",
                  ExitCode::kDiverged);
  }
}

struct Options {
  ConfigOptions config;
  bool print_config = false;
  bool locate_nan = false;
};

void run_pretraining(const Options& options) {
  const train::PretrainConfig config = load_config(options.config);
  if (options.print_config) {
    std::cout << config_text(config);
    return;
  }
  ConsoleListener listener;
  train::Pretrainer run(
      config,
      {.listener = &listener, .interrupts = &interrupts(), .locate_nan = options.locate_nan});
  show_start(run, listener);
  listener.start(run.total_steps());
  const train::PretrainResult result = run.run();
  train::write_run_page(run, result);
  show_end(run, result, config.output_dir, listener);
}

}  // namespace

void add_pretrain(Verb& app) {
  auto options = std::make_shared<Options>();
  Verb verb = app.add_verb("pretrain", "Train a language model by a config");
  verb.footer(
      "Example:\n  weft pretrain configs/pretrain/demo.yaml max_steps=100 output_dir=runs/try\n"
      "Ctrl-C finishes the step, saves and ends (exit code 130); twice ends at once. SIGTERM and\n"
      "SIGUSR1 (or 2) save and end with exit code 75, SIGHUP with 129 (not under nohup). The same "
      "command\n"
      "goes on.");
  add_config_options(verb, options->config);
  verb.add_flag("--print-config", options->print_config, "print the resolved config and end");
  verb.add_flag("--locate-nan", options->locate_nan,
                "at the first step that is not finite, compute it again, name the operator and the "
                "parameter, and end with exit code 5");
  verb.callback([options] { run_pretraining(*options); });
}

}  // namespace weft::cli
