#include "train/plan_report.h"

#include <algorithm>
#include <map>

#include "graph/layer_scope.h"

namespace weft::train {
namespace {

using graph::GraphData;
using graph::Node;
using graph::NodeId;
using graph::Phase;
using graph::ValueId;
using graph::ValueInfo;

// What stands outside of layers goes by the first part of its scope; without one, it is the head.
std::string part_of_model(const std::string& scope) {
  if (scope.empty()) return "head";
  const std::string_view layer = graph::layer_of(scope);
  return layer.empty() ? scope.substr(0, scope.find('.')) : std::string(layer);
}

void add_persistent(const SessionPlan& plan, PlanReport& report) {
  const GraphData& data = *plan.step.data;
  const optim::Blocks& blocks = plan.step.blocks;
  for (size_t i = 0; i < data.values.size(); ++i) {
    const ValueInfo& info = data.values[i];
    const ValueId id = static_cast<ValueId>(i);
    if (info.kind == ValueKind::kTemporary || info.base != graph::kNoValue) continue;
    const int64_t bytes = align_up(info.type.bytes());
    const auto is_state = [&](const Value& state) { return state.id() == id; };
    if (id == blocks.parameters.id()) report.parameters += bytes;
    else if (id == blocks.gradients.id()) report.gradients += bytes;
    else if (blocks.copies && id == blocks.copies.id()) report.compute_copies += bytes;
    else if (std::any_of(plan.step.update.states.begin(), plan.step.update.states.end(), is_state))
      report.optimizer_state += bytes;
    else if (info.kind == ValueKind::kConstant) report.constants += bytes;
    else report.inputs_and_scalars += bytes;
  }
  report.forward_programs = plan.forwards.persistent_bytes;
  report.snapshot = plan.snapshot_bytes;
  report.persistent = plan.transient;
}

// Temporaries of the forward pass that the backward pass reads.
void add_activations(const GraphData& data, PlanReport& report) {
  std::vector<char> kept(data.values.size(), 0);
  for (const NodeId id : data.order) {
    const Node& node = data.node(id);
    if (node.phase != Phase::kBackward) continue;
    for (const ValueId v : node.inputs)
      if (v != graph::kNoValue && data.value(v).producer != graph::kNoNode &&
          data.node(data.value(v).producer).phase == Phase::kForward)
        kept[static_cast<size_t>(v)] = 1;
  }
  for (const NodeId id : data.order) {
    const Node& node = data.node(id);
    for (const ValueId v : node.outputs) {
      if (kept[static_cast<size_t>(v)] == 0) continue;
      const int64_t bytes = align_up(data.value(v).type.bytes());
      const std::string layer = part_of_model(node.scope);
      if (report.activations.empty() || report.activations.back().layer != layer)
        report.activations.push_back({layer, 0});
      report.activations.back().bytes += bytes;
      report.activations_total += bytes;
    }
  }
}

void add_work(const GraphData& data, PlanReport& report) {
  for (const NodeId id : data.order) {
    const Node& node = data.node(id);
    const auto types = graph::input_types(data, node);
    const graph::Cost cost = node.contract->cost({types, node.params});
    const bool update = node.phase == Phase::kUpdate;
    (update ? report.flops_per_update : report.flops_per_micro_batch) += cost.flops;
    (update ? report.bytes_per_update : report.bytes_per_micro_batch) += cost.bytes;
  }
}

}  // namespace

PlanReport report_plan(const SessionPlan& plan) {
  PlanReport report;
  report.parameter_count = plan.step.layout.parameters;
  add_persistent(plan, report);
  add_activations(*plan.step.data, report);
  for (const graph::Step& step : plan.step_schedule)
    report.largest_workspace = std::max(
        report.largest_workspace, plan.step_memory.workspace_bytes[static_cast<size_t>(step.node)]);
  report.transient = plan.bytes - plan.transient;
  report.transient_lower_bound = plan.step_memory.transient_lower_bound;
  for (const ForwardPlan::Entry& entry : plan.forwards.entries)
    report.transient_lower_bound =
        std::max(report.transient_lower_bound, entry.memory.transient_lower_bound);
  report.total = plan.total();
  report.on_device = plan.options.on_device;
  report.device_staging = plan.device.step_inputs;
  report.device_kernels = plan.device.own;
  report.pinned_staging = plan.device.staging;
  report.pinned_mirror = plan.device.mirror;
  add_work(*plan.step.data, report);
  return report;
}

}  // namespace weft::train
