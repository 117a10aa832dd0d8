#include "graph/reference.h"

namespace weft::graph {

std::vector<ReferenceTensor> run_reference(const OpContract& contract,
                                           std::span<const ReferenceTensor* const> inputs,
                                           const Params& params) {
  require(contract.reference != nullptr, contract.name, "has no float64 reference");
  std::vector<const TensorType*> types;
  for (const ReferenceTensor* input : inputs)
    types.push_back(input == nullptr ? nullptr : &input->type);
  std::vector<ReferenceTensor> outputs;
  for (const TensorType& type : contract.infer({types, params}))
    outputs.push_back({type, std::vector<double>(static_cast<size_t>(type.shape.elements()))});
  contract.reference({inputs, outputs, params});
  return outputs;
}

void run_reference(const GraphData& graph, ReferenceValues& values) {
  for (const NodeId id : graph.order) {
    const Node& node = graph.node(id);
    std::vector<const ReferenceTensor*> inputs;
    for (const ValueId v : node.inputs) inputs.push_back(v == kNoValue ? nullptr : &values.at(v));
    std::vector<ReferenceTensor> outputs = run_reference(*node.contract, inputs, node.params);
    for (size_t i = 0; i < outputs.size(); ++i) values[node.outputs[i]] = std::move(outputs[i]);
  }
}

}  // namespace weft::graph
