// The pass that puts together operators which follow each other, where a contract says that it does
// both in one pass over memory (OpContract::fuses): a product and the activation of its result,
// say. Runs after recompute, so that what is made again in the backward pass stays as cheap as it
// was.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace weft::graph {

// What the first operator makes is kept where another node reads it or `outputs` names it.
void fuse(GraphData& graph, const std::vector<ValueId>& outputs);

}  // namespace weft::graph
