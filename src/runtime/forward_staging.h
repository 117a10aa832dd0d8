// Pinned host memory through which the inputs and outputs of forward programs pass to and from a
// device, and those programs as captured graphs.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "graph/device_queues.h"
#include "runtime/forward_set.h"
#include "runtime/host_inputs.h"

namespace weft::runtime {

// Where values of one program lie, one after another from `begin` on.
struct StagedValues {
  StagedValues(const ForwardPlan::Entry& entry, int64_t begin);

  std::map<graph::ValueId, int64_t> inputs, outputs;  // offsets
  int64_t end = 0;
};

// Bytes of staging of all programs of a plan.
int64_t forward_staging_bytes(const ForwardPlan& plan);

class ForwardStaging {
 public:
  // `plan` and `queues` must outlive this.
  ForwardStaging(const ForwardPlan& plan, graph::DeviceQueues& queues);

  // Captures program `i` of the plan, with its copies. Once for each, in order.
  void add(const graph::Program& program);

  std::byte* input(size_t i, graph::ValueId id) const;
  std::byte* output(size_t i, graph::ValueId id) const;
  // Copies the inputs, runs, copies the outputs, and waits.
  void run(size_t i);
  // The same, where every instruction is seen as it is put on the device.
  void run(size_t i, const graph::Program& program, graph::Observer& observer);

  graph::DeviceQueues& queues() const { return queues_; }

 private:
  void put(size_t i, const graph::Program& program, graph::Observer* observer);

  graph::DeviceQueues& queues_;
  device::PinnedMemory memory_;
  std::vector<StagedValues> values_;
  std::vector<device::CapturedGraph> graphs_;
};

}  // namespace weft::runtime
