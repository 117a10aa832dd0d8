#include "graph/print.h"

#include <map>

namespace weft::graph {
namespace {

std::string label(const GraphData& graph, ValueId id) {
  if (id == kNoValue) return "_";
  const ValueInfo& info = graph.value(id);
  return info.producer == kNoNode ? info.name : "%" + std::to_string(id);
}

std::string join(const GraphData& graph, const std::vector<ValueId>& ids) {
  std::string text;
  for (const ValueId id : ids) text += (text.empty() ? "" : ", ") + label(graph, id);
  return text;
}

std::string named_value(const GraphData& graph, const ValueInfo& info) {
  std::string text =
      std::string(weft::name_of(info.kind)) + " " + info.name + " : " + info.type.to_string();
  if (info.base != kNoValue)
    text += "  # at " + std::to_string(info.offset) + " of " + graph.value(info.base).name;
  return text + "\n";
}

std::string node_line(const GraphData& graph, const Node& node) {
  std::string types;
  for (const ValueId id : node.outputs)
    types += (types.empty() ? "" : ", ") + graph.value(id).type.to_string();
  const std::string params = node.params.describe();
  std::string text = join(graph, node.outputs) + " = " + std::string(node.contract->name) + "(" +
                     join(graph, node.inputs) + ")" + (params.empty() ? "" : " {" + params + "}") +
                     " : " + types + "  # " + node.scope + ", " + std::string(name_of(node.phase));
  if (node.recompute_of != kNoNode) text += ", again";
  return text + "\n";
}

std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char c : text)
    result += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
  return result + "\"";
}

}  // namespace

std::string to_text(const GraphData& graph) {
  std::string text;
  for (const ValueInfo& info : graph.values)
    if (info.producer == kNoNode) text += named_value(graph, info);
  for (const NodeId id : graph.order) text += node_line(graph, graph.node(id));
  return text;
}

std::string to_dot(const GraphData& graph, std::string_view title) {
  std::map<std::string, std::string> clusters;
  std::string edges;
  for (const NodeId id : graph.order) {
    const Node& node = graph.node(id);
    const std::string name = "n" + std::to_string(id);
    clusters[node.scope] += "    " + name + " [label=" + in_quotes(node.contract->name) + "];\n";
    for (const ValueId v : node.inputs) {
      if (v == kNoValue) continue;
      const ValueInfo& info = graph.value(v);
      if (info.producer != kNoNode)
        edges += "  n" + std::to_string(info.producer) + " -> " + name +
                 " [label=" + in_quotes(info.type.to_string()) + "];\n";
      else edges += "  " + in_quotes(info.name) + " -> " + name + " [style=dashed];\n";
    }
  }
  std::string text =
      "digraph " + in_quotes(title) + " {\n  node [shape=box, fontname=monospace];\n";
  int cluster = 0;
  for (const auto& [scope, nodes] : clusters)
    text += "  subgraph cluster_" + std::to_string(cluster++) +
            " {\n    label=" + in_quotes(scope) + ";\n" + nodes + "  }\n";
  return text + edges + "}\n";
}

}  // namespace weft::graph
