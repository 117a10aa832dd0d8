// The memory planner: where every value of a program lies in one block of memory, known before
// anything runs. Values share a place when their lifetimes cannot overlap.
//
// A lifetime is taken over the happens-before relation of the schedule and not over list order, so
// that it stays right when instructions run on several streams.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "graph/graph.h"

namespace weft::graph {

// One instruction: a node, the queue it runs on, and the earlier instructions (by place in the
// schedule) on other queues that it waits for.
struct Step {
  NodeId node;
  int stream = 0;
  std::vector<int> waits = {};
};
using Schedule = std::vector<Step>;

// Everything on one queue, in the graph's order.
Schedule serial_schedule(const GraphData& graph);

struct PlanOptions {
  int threads = 1;
  bool on_device = false;  // with the workspaces of a GPU's kernels
  bool aliasing = true;    // use may_alias; without it every output has memory of its own
  // Values that survive runs and lie elsewhere: parameters shared with another program.
  std::function<bool(ValueId)> external = [](ValueId) { return false; };
  std::vector<ValueId> outputs = {};  // temporaries that the host reads after a run
};

struct MemoryPlan {
  static constexpr int64_t kUnplaced = -1;  // external, or never used
  // By value: byte offset within the persistent part (parameters, states, inputs, constants) or,
  // for temporaries, within the transient part.
  std::vector<int64_t> offsets;
  std::vector<int64_t> workspaces;       // by node: offset in the transient part
  std::vector<int64_t> workspace_bytes;  // by node
  int64_t persistent_bytes = 0;
  int64_t transient_bytes = 0;
  int64_t transient_lower_bound = 0;  // the largest sum of what lives at one time
};

MemoryPlan plan_memory(const GraphData& graph, const Schedule& schedule,
                       const PlanOptions& options);

}  // namespace weft::graph
