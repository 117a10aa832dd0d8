#include "graph/simplify.h"

#include <algorithm>

namespace weft::graph {
namespace {

ValueId input_or_none(const Node& node, size_t i) {
  return i < node.inputs.size() ? node.inputs[i] : kNoValue;
}

bool subsumes(const Node& node, const Node& forward) {
  const Subsumes& rule = node.contract->subsumes;
  if (rule.forward != forward.contract) return false;
  for (size_t i = 0; i < rule.inputs.size(); ++i)
    if (input_or_none(node, rule.inputs[i]) != input_or_none(forward, i)) return false;
  return true;
}

// Reading later is only possible where nobody has read before.
bool read_before(const GraphData& graph, ValueId id, NodeId until) {
  for (const NodeId n : graph.order) {
    if (n == until) return false;
    const auto& inputs = graph.node(n).inputs;
    if (std::find(inputs.begin(), inputs.end(), id) != inputs.end()) return true;
  }
  return false;
}

void replace_reads(GraphData& graph, ValueId from, ValueId to) {
  for (const NodeId n : graph.order)
    for (ValueId& input : graph.node(n).inputs)
      if (input == from) input = to;
}

void try_subsume(GraphData& graph, NodeId by, NodeId forward, std::vector<ValueId>& outputs) {
  const Node& node = graph.node(by);
  const Node& old = graph.node(forward);
  if (!subsumes(node, old)) return;
  for (const Pair& pair : node.contract->subsumes.outputs) {
    const ValueId from = old.outputs[pair.input], to = node.outputs[pair.output];
    if (read_before(graph, from, by)) continue;
    replace_reads(graph, from, to);
    std::replace(outputs.begin(), outputs.end(), from, to);
  }
}

bool changes_lasting_memory(const GraphData& graph, const Node& node) {
  for (const Pair& pair : node.contract->updates)
    if (input_or_none(node, pair.input) != kNoValue) return true;
  for (const Accumulation& a : node.contract->accumulates) {
    const ValueId into = input_or_none(node, a.into);
    if (into != kNoValue && graph.value(into).kind != ValueKind::kTemporary) return true;
    if (into != kNoValue && graph.value(into).producer != kNoNode) return true;
  }
  return false;
}

}  // namespace

void subsume_forward(GraphData& graph, std::vector<ValueId>& outputs) {
  const std::vector<NodeId> order = graph.order;
  for (const NodeId by : order) {
    if (graph.node(by).contract->subsumes.forward == nullptr) continue;
    for (const NodeId forward : order) try_subsume(graph, by, forward, outputs);
  }
}

void drop_dead_nodes(GraphData& graph, const std::vector<ValueId>& outputs) {
  std::vector<char> read(graph.values.size(), 0);
  for (const ValueId id : outputs) read[static_cast<size_t>(id)] = 1;
  std::vector<NodeId> kept;
  for (auto it = graph.order.rbegin(); it != graph.order.rend(); ++it) {
    const Node& node = graph.node(*it);
    const bool live = changes_lasting_memory(graph, node) ||
                      std::any_of(node.outputs.begin(), node.outputs.end(),
                                  [&](ValueId v) { return read[static_cast<size_t>(v)] != 0; });
    if (!live) continue;
    kept.push_back(*it);
    for (const ValueId input : node.inputs)
      if (input != kNoValue) read[static_cast<size_t>(input)] = 1;
  }
  graph.order.assign(kept.rbegin(), kept.rend());
}

}  // namespace weft::graph
