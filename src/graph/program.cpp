#include "graph/program.h"

#include <cstring>

#include "graph/registry.h"

namespace weft::graph {

Program::Program(const GraphData& graph, const Schedule& schedule, const MemoryPlan& plan,
                 const Binding& binding, const Device& device)
    : graph_(graph), plan_(plan), binding_(binding) {
  instructions_.reserve(schedule.size());
  for (const Step& step : schedule) instructions_.push_back(make_instruction(step, device));
  if (device.only_plans()) return;
  for (size_t v = 0; v < graph.values.size(); ++v)
    if (const ValueInfo& info = graph.values[v];
        info.kind == ValueKind::kConstant && plan_.offsets[v] != MemoryPlan::kUnplaced)
      std::memcpy(address(static_cast<ValueId>(v)), info.contents.data(), info.contents.size());
}

Instruction Program::make_instruction(const Step& step, const Device& device) const {
  const Node& node = graph_.node(step.node);
  Instruction instruction{
      .node = step.node, .phase = node.phase, .stream = step.stream, .waits = step.waits};
  if (!device.only_plans()) {
    instruction.kernel = device.kernels[index_of(*node.contract)];
    require(instruction.kernel != nullptr, node.contract->name, "this device has no kernel for it");
  }
  Types outputs;
  for (const ValueId v : node.inputs)
    instruction.inputs.push_back(v == kNoValue ? Tensor{} : tensor(v));
  for (const ValueId v : node.outputs) {
    instruction.outputs.push_back(tensor(v));
    outputs.push_back(graph_.value(v).type);
  }
  const size_t n = static_cast<size_t>(step.node);
  if (plan_.workspaces[n] != MemoryPlan::kUnplaced)
    instruction.workspace =
        binding_.arena->at(binding_.transient + plan_.workspaces[n], plan_.workspace_bytes[n]);
  const auto types = input_types(graph_, node);
  if (node.contract->prepare != nullptr && !device.only_plans())
    instruction.state = node.contract->prepare({{types, node.params}, outputs, device.threads});
  return instruction;
}

std::byte* Program::address(ValueId id) const {
  const ValueInfo& info = graph_.value(id);
  const int64_t offset = plan_.offsets[static_cast<size_t>(id)];
  if (info.kind != ValueKind::kTemporary && offset == MemoryPlan::kUnplaced) {
    WEFT_ASSERT(binding_.external != nullptr);
    return binding_.external(id);
  }
  if (info.producer != kNoNode && offset == MemoryPlan::kUnplaced) {
    // An update of something that survives runs: it lies where its input lies.
    const Node& node = graph_.node(info.producer);
    const auto lies_at = [&](size_t input) { return address(node.inputs[input]); };
    for (const Pair& p : node.contract->updates)
      if (p.output == info.output_index) return lies_at(p.input);
    for (const Accumulation& a : node.contract->accumulates)
      if (a.output == info.output_index) return lies_at(a.into);
  }
  WEFT_ASSERT(offset != MemoryPlan::kUnplaced);
  const int64_t start =
      info.kind == ValueKind::kTemporary ? binding_.transient : binding_.persistent;
  return binding_.arena->at(start + offset, info.type.bytes());
}

Tensor Program::tensor(ValueId id) const {
  return {address(id), graph_.value(id).type};
}

void Program::run(bool update, const ParallelFor& parallel, Observer* observer) const {
  for (const Instruction& i : instructions_) {
    if ((i.phase == Phase::kUpdate) != update) continue;
    if (observer != nullptr) observer->before(i);
    const Node& node = graph_.node(i.node);
    i.kernel({i.inputs, i.outputs, node.params, i.state.get(), i.workspace, parallel});
    if (observer != nullptr) observer->after(i);
  }
}

void Program::run_body(const ParallelFor& parallel, Observer* observer) const {
  run(false, parallel, observer);
}

void Program::run_update(const ParallelFor& parallel, Observer* observer) const {
  run(true, parallel, observer);
}

}  // namespace weft::graph
