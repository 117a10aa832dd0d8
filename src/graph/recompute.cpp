#include "graph/recompute.h"

#include <map>
#include <vector>

#include "graph/layer_scope.h"

namespace weft {

std::string_view name_of(RecomputeMode mode) {
  switch (mode) {
    case RecomputeMode::kNone: return "none";
    case RecomputeMode::kSelective: return "selective";
    case RecomputeMode::kFull: return "full";
  }
  return "?";
}

}  // namespace weft

namespace weft::graph {

namespace {

bool writes_in_place(const Node& node) {
  for (const Pair& pair : node.contract->updates)
    if (pair.input < node.inputs.size() && node.inputs[pair.input] != kNoValue) return true;
  for (const Accumulation& a : node.contract->accumulates)
    if (a.into < node.inputs.size() && node.inputs[a.into] != kNoValue) return true;
  return false;
}

class RecomputePass {
 public:
  RecomputePass(GraphData& graph, RecomputeMode mode)
      : graph_(graph), mode_(mode), again_(graph.values.size(), 0) {
    for (const NodeId id : graph.order) mark(id);
    keep_layer_outputs();
  }

  void run() {
    const std::vector<NodeId> old = std::move(graph_.order);
    graph_.order.clear();
    for (const NodeId id : old) {
      if (graph_.node(id).phase == Phase::kBackward)
        for (size_t i = 0; i < graph_.node(id).inputs.size(); ++i)
          graph_.node(id).inputs[i] = replayed(graph_.node(id).inputs[i]);
      graph_.order.push_back(id);
    }
  }

 private:
  bool again(ValueId id) const {
    return id != kNoValue && static_cast<size_t>(id) < again_.size() &&
           again_[static_cast<size_t>(id)] != 0;
  }

  void mark(NodeId id) {
    const Node& node = graph_.node(id);
    if (node.phase != Phase::kForward || writes_in_place(node)) return;
    const bool cheap = node.contract->recompute == Recompute::kCheap;
    const bool inside = !layer_of(node.scope).empty();
    if (mode_ == RecomputeMode::kSelective ? !cheap : !inside) return;
    for (const ValueId v : node.outputs) again_[static_cast<size_t>(v)] = 1;
  }

  // What another layer's forward pass reads is there anyway until then: keep it, or recomputing the
  // last layer would mean recomputing them all.
  void keep_layer_outputs() {
    for (const NodeId id : graph_.order) {
      const Node& reader = graph_.node(id);
      if (reader.phase != Phase::kForward) continue;
      for (const ValueId v : reader.inputs) {
        if (!again(v)) continue;
        const Node& producer = graph_.node(graph_.value(v).producer);
        if (layer_of(producer.scope) != layer_of(reader.scope)) again_[static_cast<size_t>(v)] = 0;
      }
    }
  }

  // The value that stands for `id` in the backward pass; emits the nodes that make it.
  ValueId replayed(ValueId id) {
    if (!again(id)) return id;
    if (const auto known = replayed_.find(id); known != replayed_.end()) return known->second;
    const NodeId original = graph_.value(id).producer;
    Node copy = graph_.node(original);
    copy.phase = Phase::kBackward;
    copy.recompute_of = original;
    for (ValueId& input : copy.inputs) input = replayed(input);
    const NodeId clone = static_cast<NodeId>(graph_.nodes.size());
    for (ValueId& output : copy.outputs) output = clone_value(output, clone);
    graph_.nodes.push_back(std::move(copy));
    graph_.order.push_back(clone);
    return replayed_.at(id);
  }

  ValueId clone_value(ValueId id, NodeId producer) {
    ValueInfo info = graph_.value(id);
    info.producer = producer;
    const ValueId result = static_cast<ValueId>(graph_.values.size());
    graph_.values.push_back(std::move(info));
    // A kept output of a replayed node stays what it was: only the others are read again.
    replayed_[id] = again(id) ? result : id;
    return result;
  }

  GraphData& graph_;
  RecomputeMode mode_;
  std::vector<char> again_;  // by value: computed again in the backward pass
  std::map<ValueId, ValueId> replayed_;
};

}  // namespace

void recompute(GraphData& graph, RecomputeMode mode) {
  if (mode != RecomputeMode::kNone) RecomputePass(graph, mode).run();
}

}  // namespace weft::graph
