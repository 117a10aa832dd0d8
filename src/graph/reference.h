// Runs a graph by its operators' float64 references: slow, exact, on no device. Tests compare every
// kernel and every gradient with it.
#pragma once

#include <map>

#include "graph/graph.h"

namespace weft::graph {

using ReferenceValues = std::map<ValueId, ReferenceTensor>;

// `values` holds all values that no operator makes; the others are added. Updated inputs keep
// their old contents: an update's result is its output.
void run_reference(const GraphData& graph, ReferenceValues& values);

// Runs one contract. Throws Error if it has no reference.
std::vector<ReferenceTensor> run_reference(const OpContract& contract,
                                           std::span<const ReferenceTensor* const> inputs,
                                           const Params& params);

}  // namespace weft::graph
