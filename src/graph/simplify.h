// Passes that remove work: forward nodes whose results a gradient computes anyway, and nodes whose
// results nobody reads.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace weft::graph {

// Where a contract says that it subsumes another operator (OpContract::subsumes) and both stand in
// the graph with the same inputs, the readers of the subsumed node read the other one's outputs.
// The entries of `outputs` are replaced likewise.
void subsume_forward(GraphData& graph, std::vector<ValueId>& outputs);

// Drops from the order every node that neither makes one of `outputs` (directly or not) nor changes
// memory that survives the run.
void drop_dead_nodes(GraphData& graph, const std::vector<ValueId>& outputs);

}  // namespace weft::graph
