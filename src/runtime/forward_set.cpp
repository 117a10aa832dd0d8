#include "runtime/forward_set.h"

#include <algorithm>

#include "graph/fuse.h"
#include "graph/precision.h"
#include "graph/simplify.h"

namespace weft::runtime {

using graph::GraphData;
using graph::kNoValue;
using graph::ValueId;
using graph::ValueInfo;

ForwardGraph build_forward_graph(std::string name, const GraphData& forward,
                                 const graph::Values& outputs, DType compute) {
  graph::PrecisionResult result = graph::apply_precision(forward, compute);
  ForwardGraph built{std::move(name), std::move(result.graph), {}};
  for (const Value& output : outputs)
    built.outputs.push_back(result.map[static_cast<size_t>(output.id())]);
  graph::drop_dead_nodes(*built.data, built.outputs);
  graph::fuse(*built.data, built.outputs);
  return built;
}

bool is_parameter(const GraphData& data, ValueId id) {
  const ValueInfo& info = data.value(id);
  return info.kind == ValueKind::kParameter || info.master != kNoValue;
}

namespace {

bool is_shared(const GraphData& data, ValueId id) {
  return is_parameter(data, id) || data.value(id).kind == ValueKind::kState;
}

// By value: does a node that runs read it? fp32 masters of copies are not read.
std::vector<char> values_read(const GraphData& data) {
  std::vector<char> read(data.values.size(), 0);
  for (const graph::NodeId id : data.order)
    for (const ValueId v : data.node(id).inputs)
      if (v != kNoValue) read[static_cast<size_t>(v)] = 1;
  return read;
}

void add_shared(ForwardPlan& plan, const GraphData& data) {
  const std::vector<char> read = values_read(data);
  for (size_t i = 0; i < data.values.size(); ++i) {
    const ValueId id = static_cast<ValueId>(i);
    const ValueInfo& info = data.value(id);
    const bool elsewhere = plan.parameters == Parameters::kElsewhere && is_parameter(data, id);
    if (read[i] == 0 || elsewhere || !is_shared(data, id)) continue;
    const auto [entry, is_new] =
        plan.shared.try_emplace(info.name, ForwardPlan::Shared{plan.persistent_bytes, info.type});
    if (is_new) plan.persistent_bytes += align_up(info.type.bytes());
    if (entry->second.type != info.type)
      throw Error("two programs share '" + info.name + "' as " + info.type.to_string() +
                  " and as " + entry->second.type.to_string());
  }
}

}  // namespace

ForwardPlan plan_forwards(std::vector<ForwardGraph> graphs, Parameters parameters, int threads) {
  ForwardPlan plan{.parameters = parameters};
  for (const ForwardGraph& graph : graphs) add_shared(plan, *graph.data);
  for (ForwardGraph& graph : graphs) {
    ForwardPlan::Entry entry{.graph = std::move(graph)};
    const GraphData& data = *entry.graph.data;
    entry.schedule = graph::serial_schedule(data);
    entry.memory =
        graph::plan_memory(data, entry.schedule,
                           {.threads = threads,
                            .external = [&data](ValueId id) { return is_shared(data, id); },
                            .outputs = entry.graph.outputs});
    entry.persistent = plan.persistent_bytes;
    plan.persistent_bytes += entry.memory.persistent_bytes;
    plan.transient_bytes = std::max(plan.transient_bytes, entry.memory.transient_bytes);
    plan.entries.push_back(std::move(entry));
  }
  return plan;
}

ForwardPrograms::ForwardPrograms(const ForwardPlan& plan, const ForwardBinding& binding,
                                 const graph::Device& device)
    : plan_(plan), binding_(binding) {
  for (const ForwardPlan::Entry& entry : plan.entries) {
    const GraphData& data = *entry.graph.data;
    const auto external = [this, &data](ValueId id) {
      const std::string& name = data.value(id).name;
      return plan_.shared.count(name) != 0 ? static_cast<std::byte*>(shared(name).data)
                                           : binding_.parameter(name);
    };
    programs_.push_back(std::make_unique<graph::Program>(
        data, entry.schedule, entry.memory,
        graph::Binding{.arena = binding.arena,
                       .persistent = binding.persistent + entry.persistent,
                       .transient = binding.transient,
                       .external = external},
        device));
  }
}

graph::Tensor ForwardPrograms::output(size_t i, size_t output) const {
  return programs_[i]->tensor(plan_.entries[i].graph.outputs[output]);
}

graph::Tensor ForwardPrograms::shared(const std::string& name) const {
  const auto found = plan_.shared.find(name);
  if (found == plan_.shared.end()) throw Error("the programs have no memory named '" + name + "'");
  const ForwardPlan::Shared& place = found->second;
  return {binding_.arena->at(binding_.persistent + place.offset, place.type.bytes()), place.type};
}

namespace {

// "ids, labels": what the user named.
std::string input_names(const GraphData& data) {
  std::string names;
  for (const ValueInfo& info : data.values)
    if (info.kind == ValueKind::kInput && info.name.front() != '@')
      names += (names.empty() ? "" : ", ") + info.name;
  return names.empty() ? "none" : names;
}

}  // namespace

graph::Tensor find_input(const graph::Program& program, std::string_view name, DType dtype) {
  const ValueId id = program.graph().find(name);
  if (id == kNoValue || program.graph().value(id).kind != ValueKind::kInput)
    throw Error("the program has no input '" + std::string(name) + "'; it has " +
                input_names(program.graph()));
  const TensorType& type = program.graph().value(id).type;
  if (type.dtype != dtype)
    throw Error("the input '" + std::string(name) + "' is " + type.to_string() +
                ", it was asked for as " + std::string(name_of(dtype)));
  return program.tensor(id);
}

}  // namespace weft::runtime
