// A training session: the programs that share one set of parameters and one arena (the training
// step, and forward programs for evaluation and samples), planned as a whole before anything is
// allocated.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "graph/program.h"
#include "runtime/forward_set.h"
#include "runtime/model_files.h"
#include "runtime/program_arena.h"
#include "train/device_step.h"
#include "train/host_mirror.h"
#include "train/step_graph.h"
#include "weft/train_program.h"

namespace weft::train {

using runtime::ForwardBinding;
using runtime::ForwardGraph;
using runtime::ForwardPlan;
using runtime::ForwardPrograms;
using runtime::NamedTensor;

// What a session is planned for.
struct SessionOptions {
  int threads = 1;
  bool with_snapshot = false;  // checkpoints are written while steps go on
  bool on_device = false;
  int micro_batches = 1;    // of a step; counts on a device
  bool split_step = false;  // the host sees the loss before the update; counts on a device
  KernelChoice kernels = KernelChoice::kOwn;  // on a device
  bool deterministic = false;                 // no kernel whose last bits differ from run to run
};

// What a session on a device takes beside its arena.
struct DeviceBytes {
  int64_t step_inputs = 0;  // of the device: what steps are given, ahead of their use
  int64_t own = 0;          // of the device: constants of its kernels, a library's workspace
  int64_t staging = 0;      // pinned host memory: what programs are given and give
  int64_t mirror = 0;       // pinned host memory: parameters and optimizer state, for checkpoints
};

// All of a session's memory, in one block: what survives steps, the inputs and states of the
// forward programs, and one transient part that all programs take turns in.
struct SessionPlan {
  StepGraph step;
  graph::Schedule step_schedule;
  graph::MemoryPlan step_memory;
  ForwardPlan forwards;
  SessionOptions options;
  int64_t snapshot = 0;        // offset in the arena
  int64_t snapshot_bytes = 0;  // a second copy of parameters and optimizer state; 0: none
  int64_t transient = 0;       // offset in the arena
  int64_t bytes = 0;           // of the arena
  DeviceBytes device;

  // Of the device's memory (of the host's, without a device), everything together.
  int64_t total() const { return bytes + device.step_inputs + device.own; }
};

SessionPlan plan_session(StepGraph step, std::vector<ForwardGraph> forwards,
                         const SessionOptions& options);

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
  // On `device`, if it is given: the plan must be for one. Throws Error with
  // ExitCode::kDoesNotFit where memory is lacking.
  Session(SessionPlan plan, uint64_t seed, std::unique_ptr<runtime::ComputeDevice> device = {});
  ~Session();

  // A step: begin_step(); for each micro-batch inputs() and micro_batch(); end_step(). `labels` is
  // the number of labels that count in all micro-batches.
  void begin_step(int64_t labels);
  // Where the host writes what the next micro-batch is given.
  runtime::HostInputs inputs() const;
  // On a device with an observer, all micro-batches of the step and its end need one.
  void micro_batch(graph::Observer* observer = nullptr);
  // The mean loss of the step's micro-batches so far; on a device only in a split step, after the
  // last micro-batch.
  double step_loss();
  // Whatever its gradient is, this step's update will change nothing. Nor does it where the loss or
  // the gradient is not finite.
  void forbid_update();
  StepResult end_step(double learning_rate, graph::Observer* observer = nullptr);
  // The same without waiting for a device, and the result of the oldest step that was launched and
  // not read. On the CPU the step is done when launch_step() returns. At most
  // DeviceStep::kSlots steps may be unread.
  void launch_step(double learning_rate, graph::Observer* observer = nullptr);
  StepResult step_result();
  // Whether a step goes on while the host does something else.
  bool steps_overlap() const { return device_ != nullptr && !plan_.options.split_step; }
  // Updates made so far; the next one has this number plus 1.
  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }

  const graph::Program& step_program() const { return *step_; }
  const ForwardPrograms& forwards() const { return *forwards_; }
  void run_forward(size_t i, graph::Observer* observer = nullptr) const;
  const SessionPlan& plan() const { return plan_; }
  const ParallelFor& parallel() const { return pool_; }
  int64_t high_water_bytes() const { return (*arena_).high_water(); }
  int64_t huge_page_bytes() const { return device_ ? 0 : (*arena_).huge_bytes(); }
  // Null on the CPU.
  runtime::ComputeDevice* device() const { return device_.get(); }

  // fp32 masters by parameter name, in the graph's order; call parameters_changed() after writing.
  // On a device these, gradients and states are copies on the host, of this moment: valid until the
  // next call of any of them.
  std::vector<NamedTensor> parameters() const;
  std::vector<NamedTensor> gradients() const;
  // The optimizer's states, cut up by parameter: "moment1/<parameter>"; call
  // optimizer_state_changed() after writing.
  std::vector<NamedTensor> optimizer_state() const;
  void parameters_changed();
  void optimizer_state_changed();
  TrainedTensors trained_tensors() const { return {parameters(), optimizer_state()}; }
  // A copy of them in the plan's snapshot, which must have one: it stays as it is until the next
  // call, while steps go on. On a device: until the next call of trained_tensors() and its like.
  TrainedTensors take_snapshot();
  // A tensor of a program where the host can read it: itself, or its copy in `copy`.
  graph::Tensor on_host(const graph::Tensor& tensor, std::vector<std::byte>& copy) const;

 private:
  enum class Fetch : uint8_t { kNo, kYes };  // from the device, first

  void initialize(uint64_t seed);
  void bind_device();
  graph::Tensor trained_block(Value block, Fetch fetch) const;
  std::vector<NamedTensor> parts_of(const graph::Tensor& block) const;
  float& scalar(Value value) const;
  // Where the host writes an input of the step's: of the current micro-batch, or of the update.
  std::byte* step_input(graph::ValueId id) const;
  float& step_scalar(Value value) const;
  void launch_update(graph::Observer* observer);

  std::unique_ptr<runtime::ComputeDevice> device_;  // null: the CPU
  SessionPlan plan_;
  ThreadPool pool_;
  runtime::ProgramArena arena_;
  std::unique_ptr<graph::Program> step_;
  std::unique_ptr<ForwardPrograms> forwards_;  // reads parameters of step_
  std::unique_ptr<DeviceStep> device_step_;    // on a device, as is the mirror
  std::unique_ptr<HostMirror> mirror_;
  int64_t updates_ = 0;
  std::array<double, DeviceStep::kSlots> labels_ = {};  // by step modulo its size
  int64_t launched_ = 0, read_ = 0;                     // steps
  int micro_ = 0;                                       // micro-batches of the step so far
  bool body_launched_ = false;                          // of a split step
  mutable std::vector<std::byte> gradients_;            // what gradients() gave, of a device
  bool touched_ = false;  // by the first step: no later one waits for a page of the arena
};

}  // namespace weft::train
