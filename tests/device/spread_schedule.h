// A graph's nodes on several streams at random, with all waits that their operands ask for: what
// the executor, the planner and the emulated streams must get right together.
#pragma once

#include <algorithm>
#include <map>
#include <set>

#include "graph/memory_plan.h"
#include "weft/philox.h"

namespace weft::test {

class SpreadSchedule {
 public:
  SpreadSchedule(const graph::GraphData& graph, int streams, uint64_t seed) : graph_(graph) {
    for (const graph::NodeId id : graph.order) {
      const auto at = static_cast<int>(schedule_.size());
      const int stream = static_cast<int>(philox(seed, static_cast<uint64_t>(at))[0] %
                                          static_cast<uint32_t>(streams));
      schedule_.push_back(
          {.node = id, .stream = stream, .waits = waits(graph.node(id), at, stream)});
    }
  }

  graph::Schedule take() { return std::move(schedule_); }

 private:
  // The memory of a value that survives runs is its root's; updates write their input's.
  graph::ValueId memory_of(graph::ValueId id) const {
    const graph::ValueInfo& info = graph_.value(id);
    if (info.producer == graph::kNoNode) return graph_.root(id);
    const graph::Node& node = graph_.node(info.producer);
    for (const graph::Pair& p : node.contract->updates)
      if (p.output == info.output_index && given(node, p.input))
        return memory_of(node.inputs[p.input]);
    for (const graph::Accumulation& a : node.contract->accumulates)
      if (a.output == info.output_index && given(node, a.into))
        return memory_of(node.inputs[a.into]);
    return id;
  }
  static bool given(const graph::Node& node, size_t input) {
    return input < node.inputs.size() && node.inputs[input] != graph::kNoValue;
  }

  std::vector<int> waits(const graph::Node& node, int at, int stream) {
    std::set<int> before;
    for (const graph::ValueId v : node.inputs) {
      if (v == graph::kNoValue) continue;
      const graph::ValueId memory = memory_of(v);
      if (writer_.count(memory) != 0) before.insert(writer_[memory]);
      readers_[memory].push_back(at);
    }
    for (const graph::ValueId v : node.outputs) {
      const graph::ValueId memory = memory_of(v);
      if (writer_.count(memory) != 0) before.insert(writer_[memory]);
      for (const int reader : readers_[memory]) before.insert(reader);
      readers_[memory].clear();
      writer_[memory] = at;
    }
    std::vector<int> result;
    for (const int other : before)
      if (other != at && schedule_[static_cast<size_t>(other)].stream != stream)
        result.push_back(other);
    return result;
  }

  const graph::GraphData& graph_;
  graph::Schedule schedule_;
  std::map<graph::ValueId, int> writer_;
  std::map<graph::ValueId, std::vector<int>> readers_;
};

}  // namespace weft::test
