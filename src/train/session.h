// A training session: the programs that share one set of parameters and one arena (the training
// step, and forward programs for evaluation and samples), planned as a whole before anything is
// allocated.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "graph/program.h"
#include "runtime/forward_set.h"
#include "runtime/model_files.h"
#include "train/step_graph.h"
#include "weft/train_program.h"

namespace weft::train {

using runtime::ForwardBinding;
using runtime::ForwardGraph;
using runtime::ForwardPlan;
using runtime::ForwardPrograms;
using runtime::NamedTensor;

// All of a session's memory, in one block: what survives steps, the inputs and states of the
// forward programs, and one transient part that all programs take turns in.
struct SessionPlan {
  StepGraph step;
  graph::Schedule step_schedule;
  graph::MemoryPlan step_memory;
  ForwardPlan forwards;
  int threads = 1;
  int64_t snapshot = 0;        // offset in the arena
  int64_t snapshot_bytes = 0;  // a second copy of parameters and optimizer state; 0: none
  int64_t transient = 0;       // offset in the arena
  int64_t bytes = 0;           // of the arena
};

SessionPlan plan_session(StepGraph step, std::vector<ForwardGraph> forwards, int threads,
                         bool with_snapshot = false);

// The arena's high-water mark when every program of the plan is bound on a device that only plans,
// in bytes: takes address space and no memory, so that plans of any size can be checked.
int64_t bound_bytes(const SessionPlan& plan);

// What a checkpoint is made of: fp32 masters by parameter name, and the optimizer's states, cut up
// by parameter: "moment1/<parameter>".
struct TrainedTensors {
  std::vector<NamedTensor> parameters;
  std::vector<NamedTensor> optimizer_state;
};

class Session {
 public:
  Session(SessionPlan plan, uint64_t seed);

  void begin_step(int64_t labels);
  void micro_batch(graph::Observer* observer = nullptr);
  // The mean loss of the step's micro-batches so far.
  double step_loss() const;
  // Whatever its gradient is, this step's update will change nothing.
  void forbid_update();
  // Nor does it where the loss or the gradient is not finite.
  StepResult end_step(double learning_rate, graph::Observer* observer = nullptr);
  // Updates made so far; the next one has this number plus 1.
  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }

  const graph::Program& step_program() const { return *step_; }
  const ForwardPrograms& forwards() const { return *forwards_; }
  void run_forward(size_t i, graph::Observer* observer = nullptr) const;
  const SessionPlan& plan() const { return plan_; }
  const ParallelFor& parallel() const { return pool_; }
  int64_t high_water_bytes() const { return arena_.high_water(); }
  int64_t huge_page_bytes() const { return arena_.huge_bytes(); }

  // fp32 masters by parameter name, in the graph's order; call parameters_changed() after writing.
  std::vector<NamedTensor> parameters() const;
  std::vector<NamedTensor> gradients() const;
  // The optimizer's states, cut up by parameter: "moment1/<parameter>".
  std::vector<NamedTensor> optimizer_state() const;
  void parameters_changed();
  TrainedTensors trained_tensors() const { return {parameters(), optimizer_state()}; }
  // A copy of them in the plan's snapshot, which must have one: it stays as it is until the next
  // call, while steps go on.
  TrainedTensors take_snapshot();

 private:
  void initialize(uint64_t seed);
  float& scalar(Value value) const;

  SessionPlan plan_;
  ThreadPool pool_;
  Arena arena_;
  std::unique_ptr<graph::Program> step_;
  std::unique_ptr<ForwardPrograms> forwards_;  // reads parameters of step_
  int64_t updates_ = 0;
  double labels_ = 1;
  bool touched_ = false;  // by the first step: no later one waits for a page of the arena
};

}  // namespace weft::train
