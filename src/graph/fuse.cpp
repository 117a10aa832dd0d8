#include "graph/fuse.h"

#include <algorithm>

#include "graph/registry.h"

namespace weft::graph {
namespace {

// The contract that does the work of `first` and of `second` after it; null if there is none.
const OpContract* fusion_of(const OpContract* first, const OpContract* second) {
  for (const OpContract* contract : all_contracts()) {
    const Fuses& rule = contract->fuses;
    const auto& seconds = rule.seconds;
    if (rule.first == first && std::find(seconds.begin(), seconds.end(), second) != seconds.end())
      return contract;
  }
  return nullptr;
}

class FusePass {
 public:
  FusePass(GraphData& graph, const std::vector<ValueId>& outputs)
      : graph_(graph), readers_(graph.values.size(), 0), runs_(graph.nodes.size(), 0) {
    for (const ValueId id : outputs) ++readers_[static_cast<size_t>(id)];
    for (const NodeId n : graph.order) {
      runs_[static_cast<size_t>(n)] = 1;
      for (const ValueId id : graph.node(n).inputs)
        if (id != kNoValue) ++readers_[static_cast<size_t>(id)];
    }
  }

  void run() {
    for (const NodeId n : graph_.order)
      if (try_fuse(n)) runs_[static_cast<size_t>(n)] = 0;
    std::erase_if(graph_.order, [&](NodeId n) { return runs_[static_cast<size_t>(n)] == 0; });
  }

 private:
  // The node becomes a part of the one that makes its operand, which runs in that one's place.
  bool try_fuse(NodeId id) {
    const Node& second = graph_.node(id);
    const ValueId between = second.inputs[0];
    const NodeId producer = graph_.value(between).producer;
    if (producer == kNoNode || runs_[static_cast<size_t>(producer)] == 0) return false;
    Node& first = graph_.node(producer);
    const OpContract* fused = fusion_of(first.contract, second.contract);
    if (fused == nullptr || first.phase != second.phase) return false;
    const bool kept = readers_[static_cast<size_t>(between)] > 1;
    first.params = fused->fuses.params(first.params, *second.contract, second.params, kept);
    first.contract = fused;
    set_outputs(producer, kept ? std::vector<ValueId>{second.outputs[0], between}
                               : std::vector<ValueId>{second.outputs[0]});
    return true;
  }

  void set_outputs(NodeId node, std::vector<ValueId> outputs) {
    for (size_t i = 0; i < outputs.size(); ++i) {
      graph_.value(outputs[i]).producer = node;
      graph_.value(outputs[i]).output_index = static_cast<int>(i);
    }
    graph_.node(node).outputs = std::move(outputs);
  }

  GraphData& graph_;
  std::vector<int> readers_;  // by value
  std::vector<char> runs_;    // by node
};

}  // namespace

void fuse(GraphData& graph, const std::vector<ValueId>& outputs) {
  FusePass(graph, outputs).run();
}

}  // namespace weft::graph
