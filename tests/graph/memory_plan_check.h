// Checks a memory plan from first principles: by every pair of values and workspaces, and by the
// reachability of instructions, not by what the planner computes on its way.
#pragma once

#include <string>
#include <vector>

#include "graph/memory_plan.h"

namespace weft::test {

// What is wrong with the plan; empty if nothing is. At most a few entries.
std::vector<std::string> check_plan(const graph::GraphData& graph, const graph::Schedule& schedule,
                                    const graph::PlanOptions& options,
                                    const graph::MemoryPlan& plan);

// The largest sum of aligned bytes of temporaries and workspaces that live at one time of a
// schedule on one stream, if no two share memory.
int64_t largest_live_set(const graph::GraphData& graph, const graph::Schedule& schedule,
                         const graph::PlanOptions& options, const graph::MemoryPlan& plan);

}  // namespace weft::test
