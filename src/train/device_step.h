// A training step on a device as one replayable graph: micro-batches, update, and the copies of
// what they are given and what they give; a step of many micro-batches replays the graph of one
// micro-batch, for a captured graph takes memory of the device by its length. What a step is given
// is copied to the device on a stream of its own, while the step before computes; the host fills
// the staging of the next step meanwhile and reads results a step late. Nothing is allocated, and
// nothing else is waited for.
#pragma once

#include <vector>

#include "graph/device_queues.h"
#include "graph/program.h"

namespace weft::train {

// Values of the step's graph that are given anew: `inputs` for every micro-batch, `update_inputs`
// once; and those that the host reads: `body_results` after the last micro-batch, `results` after
// the update.
struct DeviceStepSpec {
  int micro_batches = 1;
  std::vector<graph::ValueId> inputs, update_inputs, body_results, results;
  // The host decides of the update after it has seen the body's results: two graphs, not one.
  bool split = false;
  // With more micro-batches than this a graph is of one micro-batch.
  int most_in_a_graph = 16;
};

class DeviceStep {
 public:
  // How many steps the host may have under way: while one runs, the next is prepared.
  static constexpr int kSlots = 2;

  // Bytes of pinned host memory that a step of `graph` takes, and of device memory beside the
  // arena.
  static int64_t staging_bytes(const graph::GraphData& graph, const DeviceStepSpec& spec);
  static int64_t device_bytes(const graph::GraphData& graph, const DeviceStepSpec& spec);

  // Captures the step. `program` and `queues` must outlive it; the program's memory must stay where
  // it is.
  DeviceStep(const graph::Program& program, graph::DeviceQueues& queues, DeviceStepSpec spec);

  // Waits until the staging of the next step is free: until the step before the last has ended.
  void begin();
  // Staging of the next step, between begin() and launch(): of input `i` of spec.inputs in
  // micro-batch `micro`, and of spec.update_inputs (until launch_update() in a split step).
  std::byte* input(int micro, size_t i);
  // The same by value: an input of spec.inputs, or of spec.update_inputs, where `micro` does not
  // count.
  std::byte* input_of(graph::ValueId id, int micro);
  std::byte* update_input(size_t i);
  // Puts the step on the first stream and returns.
  void launch();
  // The same in halves, for a split step. body_result() waits for the first.
  void launch_body();
  const std::byte* body_result(size_t i);
  void launch_update();
  // The same at once and without a captured graph, every instruction seen as it is put on the
  // device: the inputs of micro-batch `micro`, then its instructions; the update.
  void run_micro_batch(int micro, graph::Observer* observer);
  void run_update(graph::Observer* observer);

  // Steps launched so far.
  int64_t steps() const { return steps_; }
  // What step `step` gave, one of the last kSlots launched, counted from 0; waits for its end.
  // First body_results, then results.
  const std::byte* result(int64_t step, size_t i);

 private:
  // Where each value lies in a slot, in bytes: what is given comes first.
  struct Layout {
    Layout(const graph::GraphData& graph, const DeviceStepSpec& spec);
    std::vector<int64_t> inputs, update_inputs, results;  // inputs: within a micro-batch
    int64_t micro_bytes = 0, update_begin = 0, given_bytes = 0, bytes = 0;
  };

  size_t slot() const { return static_cast<size_t>(steps_ % kSlots); }
  std::byte* staged(size_t slot) const;
  std::byte* given(size_t slot) const;
  bool is_one_graph() const { return !spec_.split && spec_.micro_batches <= spec_.most_in_a_graph; }
  void capture(size_t slot);
  void put_inputs(int micro, const std::byte* from);
  void put_update(const std::byte* from, graph::Observer* observer);
  void put_body(size_t slot);
  void read_back(const std::vector<graph::ValueId>& values, size_t first, size_t slot);
  // Copies [begin, end) of the slot's staging to the device; the first stream waits for it.
  void send(int64_t begin, int64_t end);

  const graph::Program& program_;
  graph::DeviceQueues& queues_;
  DeviceStepSpec spec_;
  Layout layout_;
  device::PinnedMemory staging_;
  device::Memory given_;
  device::Stream copies_;
  std::vector<device::Event> arrived_, body_ended_, ended_;  // by slot
  // By slot: whole steps, or their halves; and one micro-batch whose inputs are there already.
  std::vector<device::CapturedGraph> graphs_, bodies_, updates_, micro_batch_;
  int64_t steps_ = 0;
};

}  // namespace weft::train
