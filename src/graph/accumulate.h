// Gradient accumulation as a pass: the operators that make a parameter's gradient add it straight
// into the parameter's place in the gradient buffer, so that no gradient exists twice.
#pragma once

#include "graph/differentiate.h"

namespace weft::graph {

// Rewrites the producers of `contributions` (in their order) so that their sum goes into `buffer`,
// a state of the same shape in fp32. `flag` is the f32[1] input that is 0 in the first micro-batch
// of a step (overwrite) and 1 in the others (add).
void accumulate_into(GraphData& graph, const std::vector<Value>& contributions, Value buffer,
                     Value flag);

}  // namespace weft::graph
