// Where each parameter lies in the contiguous block of all parameters. Gradients, moments and the
// copies in the compute type are laid out alike, so that one pass over memory updates them all,
// clipping is one pass, and sharding the optimizer means cutting ranges.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "weft/optimizer.h"

namespace weft::optim {

enum class Group : uint8_t { kMatrix, kDecayed, kUndecayed };  // kMatrix: trained by Muon

struct ParameterPlace {
  graph::ValueId id;
  int64_t offset;  // in elements, a multiple of kParameterAlignment
  int64_t elements;
  Group group;
};

inline constexpr int64_t kParameterAlignment = 32;  // elements: 64 bytes in bf16

struct ParameterLayout {
  std::vector<ParameterPlace> places;  // by rising offset: groups in order, then as in the graph
  int64_t matrix_end = 0;              // elements [0, matrix_end) are matrices of Muon
  int64_t decayed_end = 0;             // elements [matrix_end, decayed_end) decay
  int64_t elements = 0;                // of the whole block, padding included
  int64_t parameters = 0;              // without padding
};

ParameterLayout layout_parameters(const graph::GraphData& graph, OptimizerKind optimizer);

}  // namespace weft::optim
