// Pretraining of a causal language model, from a config to checkpoints: the loop over steps with
// evaluation, logging, saving, early stopping and resuming. It prints nothing.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "core/process.h"
#include "data/prefetcher.h"
#include "nn/decoder.h"
#include "runtime/roof.h"
#include "train/plan_report.h"
#include "train/pretrain_plan.h"
#include "train/resume.h"
#include "train/run_log.h"
#include "train/run_saver.h"
#include "train/run_state.h"
#include "train/run_status.h"
#include "train/session.h"
#include "train/step_guard.h"
#include "train/training_data.h"

namespace weft::train {

struct PretrainOptions {
  RunListener* listener = nullptr;
  FileSystem* files = &real_file_system();
  // Above 0: finish the step, save, return.
  const std::atomic<int>* interrupts = nullptr;
  // A step that lasts longer from then on is given up between two micro-batches, and made by the
  // next process: schedulers kill 30 seconds after they have asked.
  double seconds_to_finish = 10;
  double roof_seconds = 0.1;  // to measure the machine's peak, shares of which are logged
  // How long a dataset that may be read while it is written is waited for, if nothing is there yet.
  double arrival_seconds = 30;
  // Bytes that a run on the CPU may plan for; unset: what the system has to give.
  std::optional<int64_t> memory_bytes;
  // A step that is not finite is computed once more (locate_nan.h), and ends the run.
  bool locate_nan = false;
};

enum class Outcome : uint8_t { kFinished, kInterrupted, kStoppedEarly, kDiverged };

struct PretrainResult {
  Outcome outcome = Outcome::kFinished;
  int64_t updates = 0;
  std::optional<double> loss;       // of the last step
  std::optional<double> eval_loss;  // the last one
  std::optional<double> best_eval_loss;
  std::string reason;  // why it diverged
};

class Pretrainer {
 public:
  // Opens data, plans, allocates, initialises or resumes, and writes OUTPUT_DIR/run_config.yaml.
  // Throws Error for everything that can be known to go wrong.
  Pretrainer(PretrainConfig config, PretrainOptions options);
  ~Pretrainer();

  // The steps that are left. An interrupted run, a finished one and one that stopped early end with
  // a checkpoint; throws Error if that cannot be written (those on the way may fail: the listener
  // is told). A run that diverged saves nothing: its last checkpoints are better.
  PretrainResult run();

  const SessionPlan& plan() const { return session_->plan(); }
  const PlanReport& plan_report() const { return plan_report_; }
  Session& session() { return *session_; }
  int64_t total_steps() const { return data_.total_steps(); }
  int64_t first_step() const { return first_step_; }
  // What computes, and why: "cpu (asked for)".
  std::string device_text() const;
  const std::string& kernels() const { return state_.kernels; }
  const PretrainConfig& config() const { return config_; }
  const std::vector<report::LogRecord>& records() const { return log_->records(); }
  // Resident memory of the process before the session took its own: program, libraries, data (and a
  // device's driver).
  int64_t baseline_bytes() const { return baseline_bytes_; }

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
  struct Arithmetic {
    std::string kernels, processor;
  };

  void open_session(const Resume& from);
  Arithmetic arithmetic_now() const;
  void open_log(const Resume& resume);
  void tell_other_arithmetic();
  void write_config();
  void write_record(const Resume& from);
  void write_status(RunPhase phase, const std::string& reason);
  void write_end();
  int64_t bytes_of_checkpoint();
  void resume(Resume& from);
  void load_model(const Path& folder);
  void load_best_model();
  void run_to_the_end();
  void train();
  // Launches a step; on a device it goes on while the host does something else. Throws when a long
  // one is interrupted: nothing of it counts.
  void launch(int64_t index, data::Prefetcher& batches);
  // What there is to do after the step that was launched last but not settled.
  void settle();
  // after_step() and the checkpoint that is due. What a user interrupts is left to the next
  // process.
  void end_step();
  // Whether a step must end before the next is launched: what follows it needs its parameters.
  bool must_settle(int64_t updates) const;
  template <class F>
  void unless_waiting_ends(F body);
  // What went wrong with the step: told, and acted upon.
  void react(int64_t index, Judgment& judgment);
  void locate(int64_t index, Judgment& judgment);
  // Goes on with the weights of an older checkpoint, after the batches that were seen meanwhile.
  void rewind(int64_t updates, Judgment& judgment);
  void load_checkpoint(const io::Checkpoint& checkpoint);
  void log_step(int64_t index, const StepResult& result, std::vector<std::string> warnings);
  // What happens between steps: evaluation, samples, interruption.
  void after_step(int64_t updates);
  double evaluate();
  // While a step or an evaluation waits for data: tells for which; throws when interrupted.
  void wait_for_data();
  void evaluate_and_judge(int64_t updates);
  bool patience_is_spent() const;
  void generate_samples(int64_t updates);
  bool save_is_due(int64_t updates) const;
  // Goes on where that fails; beside training where the plan has a snapshot.
  void save_on_the_way();
  void save();
  io::CheckpointToSave to_save(const TrainedTensors& tensors);
  bool interrupted() const;
  // Seconds since that was first found here; 0 before.
  double interrupted_for();

  PretrainConfig config_;
  PretrainOptions options_;
  nn::DecoderSpec spec_;
  TrainingData data_;
  std::string told_wait_;
  int64_t baseline_bytes_ = 0;
  std::unique_ptr<Session> session_;
  PlanReport plan_report_;
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<Clock> clock_;
  runtime::DeviceChoice device_;
  double peak_ = 0;                 // of this machine, flops a second
  bool overlaps_ = false;           // a step may be launched before the last is settled
  std::optional<int64_t> pending_;  // the step that is launched and not settled
  RunState state_;
  Arithmetic before_;  // of the checkpoint that the run goes on from
  PretrainResult result_;
  int64_t first_step_ = 0;
  std::string started_ = utc_text(wall_seconds());
  std::optional<double> interrupted_at_;
  int64_t evaluated_at_ = -1;  // updates done at the last evaluation
  StepGuard guard_;
  std::unique_ptr<RunSaver> saver_;  // reads session_ and tells log_: ends before both
};

}  // namespace weft::train
