// Reverse-mode differentiation as a pass over the graph (Griewank and Walther, "Evaluating
// derivatives", 2008, chapter 3). Gradients are made of the same operators as everything else.
#pragma once

#include <map>
#include <vector>

#include "graph/graph.h"

namespace weft::graph {

// By value: the gradients that its uses contribute, in the order in which backward makes them. They
// are not added up here: parameter gradients are accumulated into a buffer (graph/accumulate.h).
using Contributions = std::map<ValueId, std::vector<Value>>;

// Appends to `graph` the nodes that compute d(sum of seeds * losses) for each value of `wanted`.
// `losses` are values of the graph; `seeds[i]` is the gradient of `losses[i]`, of the same shape.
// Throws Error if an operator on the way has no gradient. A value on which the losses do not depend
// has no entry in the result.
Contributions differentiate(GraphData& graph, const Values& losses, const Values& seeds,
                            const std::vector<ValueId>& wanted);

// The sum of contributions, made with the add operator; absent if there are none.
Value sum_of(const std::vector<Value>& contributions);

}  // namespace weft::graph
