#include "graph/program.h"

#include <cstring>

#include "graph/registry.h"

namespace weft::graph {

Program::Program(const GraphData& graph, const Schedule& schedule, const MemoryPlan& plan,
                 const Binding& binding, const Device& device)
    : graph_(graph), plan_(plan), binding_(binding), queues_(device.queues) {
  instructions_.reserve(schedule.size());
  for (const Step& step : schedule) instructions_.push_back(make_instruction(step, device));
  if (device.only_plans()) return;
  place_constants();
  make_events();
}

void Program::place_constants() const {
  for (size_t v = 0; v < graph_.values.size(); ++v) {
    const ValueInfo& info = graph_.values[v];
    if (info.kind != ValueKind::kConstant || plan_.offsets[v] == MemoryPlan::kUnplaced) continue;
    std::byte* to = address(static_cast<ValueId>(v));
    if (queues_ == nullptr) std::memcpy(to, info.contents.data(), info.contents.size());
    else queues_->upload(to, info.contents);
  }
}

void Program::make_events() {
  if (queues_ == nullptr) return;
  done_.resize(instructions_.size());
  for (const Instruction& i : instructions_) {
    WEFT_ASSERT(i.stream < queues_->count());
    for (const int wait : i.waits) {
      const auto w = static_cast<size_t>(wait);
      if (instructions_[w].stream != i.stream && done_[w] == nullptr)
        done_[w] = std::make_unique<device::Event>(queues_->stream(0).device());
    }
  }
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
  const bool on_cpu = !device.only_plans() && device.queues == nullptr;
  if (node.contract->prepare != nullptr && on_cpu)
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

void Program::put(size_t instruction, const ParallelFor& parallel) const {
  const Instruction& i = instructions_[instruction];
  device::Stream& stream = queues_->stream(i.stream);
  for (const int wait : i.waits)  // what another half did is over: halves are joined
    if (const auto w = static_cast<size_t>(wait);
        done_[w] != nullptr &&
        (instructions_[w].phase == Phase::kUpdate) == (i.phase == Phase::kUpdate))
      stream.wait(*done_[w]);
  const Node& node = graph_.node(i.node);
  const DeviceCall call = queues_->call(i.stream);
  const device::Device::Range range(stream.device(), node.contract->name.data());
  i.kernel({i.inputs, i.outputs, node.params, i.state.get(), i.workspace, parallel, &call});
  stream.device().check(stream.device().api().last_error(), node.contract->name.data());
  if (done_[instruction] != nullptr) stream.record(*done_[instruction]);
}

void Program::put_on_streams(bool update, const ParallelFor& parallel, Observer* observer) const {
  queues_->fork();
  for (size_t i = 0; i < instructions_.size(); ++i) {
    if ((instructions_[i].phase == Phase::kUpdate) != update) continue;
    if (observer != nullptr) observer->before(instructions_[i]);
    put(i, parallel);
    if (observer != nullptr) observer->after(instructions_[i]);
  }
  queues_->join();
}

void Program::run(bool update, const ParallelFor& parallel, Observer* observer) const {
  if (queues_ != nullptr) return put_on_streams(update, parallel, observer);
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
