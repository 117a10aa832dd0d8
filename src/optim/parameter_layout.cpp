#include "optim/parameter_layout.h"

#include "core/arena.h"
#include "graph/layer_scope.h"

namespace weft::optim {
namespace {

using graph::GraphData;
using graph::ValueId;
using graph::ValueInfo;

Group group_of(const ValueInfo& info, OptimizerKind optimizer) {
  const bool inside_layer = !graph::layer_of(info.scope).empty();
  if (optimizer == OptimizerKind::kMuon && info.type.shape.rank() == 2 && inside_layer)
    return Group::kMatrix;
  return info.type.shape.rank() >= 2 ? Group::kDecayed : Group::kUndecayed;
}

}  // namespace

ParameterLayout layout_parameters(const GraphData& graph, OptimizerKind optimizer) {
  ParameterLayout layout;
  for (const Group group : {Group::kMatrix, Group::kDecayed, Group::kUndecayed}) {
    for (size_t i = 0; i < graph.values.size(); ++i) {
      const ValueInfo& info = graph.values[i];
      if (info.kind != ValueKind::kParameter || group_of(info, optimizer) != group) continue;
      const int64_t elements = info.type.shape.elements();
      layout.places.push_back({static_cast<ValueId>(i), layout.elements, elements, group});
      layout.elements += align_up(elements, kParameterAlignment);
      layout.parameters += elements;
    }
    if (group == Group::kMatrix) layout.matrix_end = layout.elements;
    if (group == Group::kDecayed) layout.decayed_end = layout.elements;
  }
  return layout;
}

}  // namespace weft::optim
