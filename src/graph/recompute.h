// The recompute pass (gradient checkpointing; Chen et al., "Training deep nets with sublinear
// memory cost", 2016): what the backward pass reads is computed again shortly before instead of
// being kept.
#pragma once

#include "graph/graph.h"
#include "weft/recompute.h"

namespace weft::graph {

// Rewrites `graph`, which holds forward and backward nodes. Values that a layer hands to another
// scope are always kept. Random operators give the same numbers again, since these are counted.
void recompute(GraphData& graph, RecomputeMode mode);

}  // namespace weft::graph
