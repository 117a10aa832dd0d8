// Pretraining of a causal language model, from a config to checkpoints: the loop over steps with
// evaluation, logging, saving, early stopping and resuming. It prints nothing.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "data/prefetcher.h"
#include "generate/generator.h"
#include "io/checkpoint_store.h"
#include "nn/decoder.h"
#include "report/report_data.h"
#include "runtime/roof.h"
#include "train/plan_report.h"
#include "train/pretrain_config.h"
#include "train/run_log.h"
#include "train/run_state.h"
#include "train/training_data.h"

namespace weft::train {

// The plan of the run that a config describes: no data is read and no memory taken.
SessionPlan plan_pretraining(const PretrainConfig& config, int threads);

// Calls `show` with the graph of a step as it is built and after each pass.
void show_passes(const PretrainConfig& config,
                 const std::function<void(std::string_view, const graph::GraphData&)>& show);

struct PretrainOptions {
  RunListener* listener = nullptr;
  FileSystem* files = &real_file_system();
  // Above 0: finish the step, save, return.
  const std::atomic<int>* interrupts = nullptr;
  std::string config_text;  // the resolved config, kept beside each checkpoint
};

enum class Outcome : uint8_t { kFinished, kInterrupted, kStoppedEarly, kDiverged };

struct PretrainResult {
  Outcome outcome = Outcome::kFinished;
  int64_t updates = 0;
  std::optional<double> loss;       // of the last step
  std::optional<double> eval_loss;  // the last one
  std::optional<double> best_eval_loss;
};

class Pretrainer {
 public:
  // Opens data, plans, allocates, initialises or resumes. Throws Error for everything that can be
  // known to go wrong.
  Pretrainer(PretrainConfig config, PretrainOptions options);
  ~Pretrainer();

  PretrainResult run();

  const SessionPlan& plan() const { return session_->plan(); }
  Session& session() { return *session_; }
  int64_t total_steps() const { return data_.total_steps(); }
  int64_t first_step() const { return first_step_; }
  const PretrainConfig& config() const { return config_; }
  const std::vector<report::LogRecord>& records() const { return log_->records(); }
  const std::vector<report::GeneratedSample>& samples() const { return samples_; }

  // Calls body(files); what it could not write is told to the listener.
  template <class F>
  void guarded(F&& body) {
    try {
      body(*options_.files);
    } catch (const FileError& error) {
      log_->message(error.what());
    }
  }

 private:
  struct Clock;

  void initialize();
  void resume(const io::Checkpoint& checkpoint);
  void load_model(const Path& folder);
  StepResult step(int64_t index, data::Prefetcher& batches);
  void check_applied(int64_t index, const StepResult& result);
  void log_step(int64_t index, const StepResult& result);
  // What happens between steps; false ends the run.
  bool after_step(int64_t updates);
  double evaluate();
  void generate_samples(int64_t updates);
  // Evaluates, logs, and says whether early stopping asks for an end.
  bool evaluate_and_judge(int64_t updates);
  void save();
  bool interrupted() const;

  PretrainConfig config_;
  PretrainOptions options_;
  nn::DecoderSpec spec_;
  TrainingData data_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<io::CheckpointStore> store_;
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<Clock> clock_;
  runtime::MachineRoof roof_;
  RunState state_;
  PretrainResult result_;
  std::vector<report::GeneratedSample> samples_;
  int64_t first_step_ = 0;
  int64_t not_applied_ = 0;  // updates in a row that were not applied
};

}  // namespace weft::train
