// The precision pass: rewrites an fp32 graph for computing in another type, by what each operator's
// contract says of its operands. Parameters keep their fp32 masters; operators that compute in bf16
// read a copy of them that the update refreshes once per step.
#pragma once

#include <memory>

#include "graph/graph.h"

namespace weft::graph {

struct PrecisionResult {
  std::unique_ptr<GraphData> graph;
  std::vector<ValueId> map;  // by value of the old graph: the value of the new one
};

// `compute` is kF32 (the graph is copied as it is) or kBF16. `source` is a forward graph.
PrecisionResult apply_precision(const GraphData& source, DType compute);

// The name of the compute-type copy of a parameter.
std::string compute_copy_name(const std::string& parameter);

}  // namespace weft::graph
