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
#include "train/step_graph.h"
#include "weft/train_program.h"

namespace weft::train {

// A program without gradients over the session's parameters.
struct ForwardGraph {
  std::string name;
  std::unique_ptr<graph::GraphData> data;
  std::vector<graph::ValueId> outputs;  // what the host reads after a run
};

// `outputs` are values of `forward`; it is rewritten for computing in `compute`.
ForwardGraph build_forward_graph(std::string name, const graph::GraphData& forward,
                                 const graph::Values& outputs, DType compute);

// All of a session's memory, in one block: what survives steps, the inputs and caches of the
// forward programs, and one transient part that the programs take turns in.
struct SessionPlan {
  StepGraph step;
  graph::Schedule step_schedule;
  graph::MemoryPlan step_memory;
  struct Forward {
    ForwardGraph graph;
    graph::Schedule schedule;
    graph::MemoryPlan memory;
    int64_t persistent = 0;  // offset in the arena
  };
  std::vector<Forward> forwards;
  int threads = 1;
  int64_t transient = 0;  // offset in the arena
  int64_t bytes = 0;      // of the arena
};

SessionPlan plan_session(StepGraph step, std::vector<ForwardGraph> forwards, int threads);

// A tensor of the training state under a name that depends on no layout.
struct NamedTensor {
  std::string name;
  graph::Tensor tensor;
};

class Session {
 public:
  Session(SessionPlan plan, uint64_t seed);

  void begin_step(int64_t labels);
  void micro_batch(graph::Observer* observer = nullptr);
  StepResult end_step(double learning_rate, graph::Observer* observer = nullptr);
  // Updates made so far; the next one has this number plus 1.
  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }

  const graph::Program& step_program() const { return *step_; }
  const graph::Program& forward_program(size_t i) const { return *forwards_[i]; }
  void run_forward(size_t i, graph::Observer* observer = nullptr) const;
  const SessionPlan& plan() const { return plan_; }
  const ParallelFor& parallel() const { return pool_; }
  int64_t high_water_bytes() const { return arena_.high_water(); }

  // fp32 masters by parameter name, in the graph's order; call parameters_changed() after writing.
  std::vector<NamedTensor> parameters() const;
  std::vector<NamedTensor> gradients() const;
  // The optimizer's states, cut up by parameter: "moment1/<parameter>".
  std::vector<NamedTensor> optimizer_state() const;
  void parameters_changed();

 private:
  void initialize(uint64_t seed);
  float& scalar(Value value) const;

  SessionPlan plan_;
  ThreadPool pool_;
  Arena arena_;
  std::unique_ptr<graph::Program> step_;
  std::vector<std::unique_ptr<graph::Program>> forwards_;
  int64_t updates_ = 0;
  double labels_ = 1;
};

// The tensor of the input `name` of a program's graph. Throws Error for an unknown name or if its
// type is not `dtype`.
graph::Tensor find_input(const graph::Program& program, std::string_view name, DType dtype);

}  // namespace weft::train
