#include "graph/accumulate.h"

#include <algorithm>

#include "graph/registry.h"

namespace weft::graph {
namespace {

bool used(const GraphData& graph, ValueId id) {
  return std::any_of(graph.order.begin(), graph.order.end(), [&](NodeId n) {
    const auto& inputs = graph.node(n).inputs;
    return std::find(inputs.begin(), inputs.end(), id) != inputs.end();
  });
}

const Accumulation* accumulation_of(const Node& node, int output) {
  for (const Accumulation& a : node.contract->accumulates)
    if (a.output == output) return &a;
  return nullptr;
}

void set_input(Node& node, size_t i, ValueId id) {
  if (node.inputs.size() <= i) node.inputs.resize(i + 1, kNoValue);
  node.inputs[i] = id;
}

// Lets the producer of `term` add into `buffer`; false if its operator cannot.
bool produce_into(GraphData& graph, Value term, ValueId buffer, ValueId flag) {
  const ValueInfo& info = graph.value(term.id());
  if (info.producer == kNoNode || used(graph, term.id())) return false;
  Node& node = graph.node(info.producer);
  const Accumulation* into = accumulation_of(node, info.output_index);
  const bool taken =
      into != nullptr && into->into < node.inputs.size() && node.inputs[into->into] != kNoValue;
  if (into == nullptr || taken) return false;
  set_input(node, into->into, buffer);
  if (flag != kNoValue) set_input(node, into->flag, flag);
  return true;
}

}  // namespace

void accumulate_into(GraphData& graph, const std::vector<Value>& contributions, Value buffer,
                     Value flag) {
  // A term can only be added to a sum that was made before it.
  std::vector<Value> terms = contributions;
  std::stable_sort(terms.begin(), terms.end(), [&](const Value& a, const Value& b) {
    return graph.value(a.id()).producer < graph.value(b.id()).producer;
  });
  ValueId sum = buffer.id();
  ValueId when = flag.id();  // only the first contribution may overwrite
  for (const Value& term : terms) {
    if (produce_into(graph, term, sum, when)) {
      sum = term.id();
    } else {
      const BuildContext context(graph, "", Phase::kBackward);
      sum = roles().accumulate(graph.handle(sum), term, graph.handle(when)).id();
    }
    when = kNoValue;
  }
}

}  // namespace weft::graph
