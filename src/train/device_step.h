// A training step on a device as one replayable graph: micro-batches, update, and the copies of
// what they are given and what they give. The host fills the staging of the next step while the
// device works on the last, and reads results a step late; it allocates nothing and waits for
// nothing else.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "graph/device_queues.h"
#include "graph/program.h"

namespace weft::train {

// Values of the step's graph that are given anew: `inputs` for every micro-batch, `update_inputs`
// once; and those that the host reads after the update.
struct DeviceStepSpec {
  int micro_batches = 1;
  std::vector<graph::ValueId> inputs, update_inputs, results;
};

class DeviceStep {
 public:
  // How many steps the host may have under way: while one runs, the next is prepared.
  static constexpr int kSlots = 2;

  // Bytes of pinned host memory that a step of `graph` takes.
  static int64_t staging_bytes(const graph::GraphData& graph, const DeviceStepSpec& spec);

  // Captures the step. `program` and `queues` must outlive it; the program's memory must stay where
  // it is.
  DeviceStep(const graph::Program& program, graph::DeviceQueues& queues, DeviceStepSpec spec);

  // Waits until the staging of the next step is free: until the step before the last has ended.
  void begin();
  // Staging of the next step, between begin() and launch(): of input `i` of spec.inputs in
  // micro-batch `micro`, and of spec.update_inputs.
  std::byte* input(int micro, size_t i);
  std::byte* update_input(size_t i);
  // Puts the step on the first stream and returns.
  void launch();
  // Steps launched so far.
  int64_t steps() const { return steps_; }
  // Result `i` of step `step`, one of the last kSlots launched, counted from 0; waits for its end.
  const std::byte* result(int64_t step, size_t i);

 private:
  // Where each value lies in a slot, in bytes.
  struct Layout {
    Layout(const graph::GraphData& graph, const DeviceStepSpec& spec);
    std::vector<int64_t> inputs, update_inputs, results;  // inputs: within a micro-batch
    int64_t micro_bytes = 0, bytes = 0;
  };

  std::byte* slot(int64_t step) const;
  std::byte* input_of(int64_t step, int micro, size_t i) const;
  void put(int64_t step);
  void stage(graph::ValueId id, const std::byte* from);

  const graph::Program& program_;
  graph::DeviceQueues& queues_;
  DeviceStepSpec spec_;
  Layout layout_;
  device::PinnedMemory staging_;
  std::vector<device::Event> ended_;           // by slot
  std::vector<device::CapturedGraph> graphs_;  // by slot
  int64_t steps_ = 0;
};

}  // namespace weft::train
