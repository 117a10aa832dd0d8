#include "runtime/forward_set.h"

#include <algorithm>
#include <cstring>

#include "graph/fuse.h"
#include "graph/precision.h"
#include "graph/simplify.h"
#include "ops/kernel_chooser.h"
#include "runtime/forward_staging.h"

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

ForwardPlan plan_forwards(std::vector<ForwardGraph> graphs, const ForwardOptions& options) {
  ForwardPlan plan{.parameters = options.parameters};
  for (const ForwardGraph& graph : graphs) add_shared(plan, *graph.data);
  for (ForwardGraph& graph : graphs) {
    ForwardPlan::Entry entry{.graph = std::move(graph)};
    const GraphData& data = *entry.graph.data;
    entry.schedule = graph::serial_schedule(data);
    entry.memory =
        graph::plan_memory(data, entry.schedule,
                           {.threads = options.threads,
                            .on_device = options.on_device,
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
  if (device.queues == nullptr) return;
  ops::choose_calls(device.queues->stream(0).handle(), [this] {
    for (const auto& program : programs_) program->run_body(SerialFor());
  });
  staging_ = std::make_unique<ForwardStaging>(plan, *device.queues);
  for (const auto& program : programs_) staging_->add(*program);
}

ForwardPrograms::~ForwardPrograms() = default;

HostInputs ForwardPrograms::inputs(size_t i) const {
  if (staging_ == nullptr) return *programs_[i];
  return {programs_[i]->graph(), [this, i](ValueId id) { return staging_->input(i, id); }};
}

void ForwardPrograms::run(size_t i, const ParallelFor& parallel, graph::Observer* observer) const {
  if (staging_ == nullptr) return programs_[i]->run_body(parallel, observer);
  if (observer == nullptr) return staging_->run(i);
  staging_->run(i, *programs_[i], *observer);
}

graph::Tensor ForwardPrograms::output(size_t i, size_t output) const {
  const ValueId id = plan_.entries[i].graph.outputs[output];
  graph::Tensor tensor = programs_[i]->tensor(id);
  if (staging_ != nullptr) tensor.data = staging_->output(i, id);
  return tensor;
}

void ForwardPrograms::read_shared(const std::string& name, std::span<std::byte> to) const {
  const graph::Tensor from = shared(name);
  WEFT_ASSERT(from.type.bytes() == static_cast<int64_t>(to.size()));
  if (staging_ == nullptr) std::memcpy(to.data(), from.data, to.size());
  else staging_->queues().download(to, from.data);
}

void ForwardPrograms::write_shared(const std::string& name, std::span<const std::byte> from) const {
  const graph::Tensor to = shared(name);
  WEFT_ASSERT(to.type.bytes() == static_cast<int64_t>(from.size()));
  if (staging_ == nullptr) std::memcpy(to.data, from.data(), from.size());
  else staging_->queues().upload(to.data, from);
}

graph::Tensor ForwardPrograms::shared(const std::string& name) const {
  const auto found = plan_.shared.find(name);
  if (found == plan_.shared.end()) throw Error("the programs have no memory named '" + name + "'");
  const ForwardPlan::Shared& place = found->second;
  return {binding_.arena->at(binding_.persistent + place.offset, place.type.bytes()), place.type};
}

}  // namespace weft::runtime
