// A graph for people: as text, a line for each node, and in Graphviz's language.
#pragma once

#include <string>
#include <string_view>

#include "graph/graph.h"

namespace weft::graph {

// Values that no operator makes, then the nodes in their order:
// "%12 = linear(%9, wte.weight) : bf16[8, 256]  # layers.0, forward".
std::string to_text(const GraphData& graph);

// A digraph named `title`, nodes grouped by scope.
std::string to_dot(const GraphData& graph, std::string_view title);

}  // namespace weft::graph
