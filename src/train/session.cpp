#include "train/session.h"

#include <algorithm>

#include "graph/precision.h"
#include "graph/registry.h"
#include "graph/simplify.h"
#include "train/initialize.h"

namespace weft::train {

using graph::GraphData;
using graph::kNoValue;
using graph::MemoryPlan;
using graph::ValueId;
using graph::ValueInfo;

ForwardGraph build_forward_graph(std::string name, const GraphData& forward,
                                 const graph::Values& outputs, DType compute) {
  graph::PrecisionResult result = graph::apply_precision(forward, compute);
  ForwardGraph built{std::move(name), std::move(result.graph), {}};
  for (const Value& output : outputs)
    built.outputs.push_back(result.map[static_cast<size_t>(output.id())]);
  graph::drop_dead_nodes(*built.data, built.outputs);
  return built;
}

namespace {

// Parameters, and their copies in the compute type, lie in the training step's part.
bool is_shared(const GraphData& data, ValueId id) {
  const ValueInfo& info = data.value(id);
  return info.kind == ValueKind::kParameter || info.master != kNoValue;
}

// Where a forward program finds a parameter: by its name in the step's graph.
std::byte* shared_address(const GraphData& forward, ValueId id, const graph::Program& step) {
  const std::string& name = forward.value(id).name;
  const ValueId in_step = step.graph().find(name);
  if (in_step == kNoValue)
    throw Error("the forward graph reads the parameter '" + name +
                "', which the training step does not have");
  return static_cast<std::byte*>(step.tensor(in_step).data);
}

}  // namespace

SessionPlan plan_session(StepGraph step, std::vector<ForwardGraph> forwards, int threads) {
  SessionPlan plan{.step = std::move(step), .threads = threads};
  plan.step_schedule = graph::serial_schedule(*plan.step.data);
  plan.step_memory = graph::plan_memory(
      *plan.step.data, plan.step_schedule,
      {.threads = threads,
       .outputs = {plan.step.update.gradient_norm.id(), plan.step.update.applied.id()}});
  int64_t persistent = plan.step_memory.persistent_bytes;
  int64_t transient = plan.step_memory.transient_bytes;
  for (ForwardGraph& forward : forwards) {
    SessionPlan::Forward entry{.graph = std::move(forward)};
    const GraphData& data = *entry.graph.data;
    entry.schedule = graph::serial_schedule(data);
    entry.memory =
        graph::plan_memory(data, entry.schedule,
                           {.threads = threads,
                            .external = [&data](ValueId id) { return is_shared(data, id); },
                            .outputs = entry.graph.outputs});
    entry.persistent = persistent;
    persistent += entry.memory.persistent_bytes;
    transient = std::max(transient, entry.memory.transient_bytes);
    plan.forwards.push_back(std::move(entry));
  }
  plan.transient = persistent;
  plan.bytes = persistent + transient;
  return plan;
}

Session::Session(SessionPlan plan, uint64_t seed)
    : plan_(std::move(plan)), pool_(plan_.threads), arena_(plan_.bytes) {
  const graph::Device device{graph::cpu_kernels(), plan_.threads};
  step_ = std::make_unique<graph::Program>(
      *plan_.step.data, plan_.step_schedule, plan_.step_memory,
      graph::Binding{.arena = &arena_, .transient = plan_.transient}, device);
  for (const SessionPlan::Forward& forward : plan_.forwards) {
    const GraphData& data = *forward.graph.data;
    const graph::Binding binding{
        .arena = &arena_,
        .persistent = forward.persistent,
        .transient = plan_.transient,
        .external = [this, &data](ValueId id) { return shared_address(data, id, *step_); }};
    forwards_.push_back(
        std::make_unique<graph::Program>(data, forward.schedule, forward.memory, binding, device));
  }
  initialize(seed);
}

void Session::initialize(uint64_t seed) {
  for (const optim::ParameterPlace& place : plan_.step.layout.places) {
    const ValueInfo& info = plan_.step.data->value(place.id);
    const std::span<float> values(step_->tensor(place.id).as<float>(),
                                  static_cast<size_t>(place.elements));
    initialize_parameter(info.name, info.initializer, seed, values, pool_);
  }
  parameters_changed();
}

float& Session::scalar(Value value) const {
  return *step_->tensor(value.id()).as<float>();
}

void Session::begin_step(int64_t labels) {
  if (labels < 1)
    throw Error("a step needs at least one label that counts, got " + std::to_string(labels) +
                "; are all labels -100?");
  labels_ = static_cast<double>(labels);
  scalar(plan_.step.loss_scale) = static_cast<float>(1.0 / labels_);
  scalar(plan_.step.accumulate) = 0.0f;
}

void Session::micro_batch(graph::Observer* observer) {
  step_->run_body(pool_, observer);
  scalar(plan_.step.accumulate) = 1.0f;
}

StepResult Session::end_step(double learning_rate, graph::Observer* observer) {
  scalar(plan_.step.update.learning_rate) = static_cast<float>(learning_rate);
  scalar(plan_.step.update.step) = static_cast<float>(updates_ + 1);
  step_->run_update(pool_, observer);
  const bool applied = scalar(plan_.step.update.applied) != 0.0f;
  updates_ += 1;
  return {.loss = static_cast<double>(scalar(plan_.step.loss_sum)) / labels_,
          .gradient_norm = static_cast<double>(scalar(plan_.step.update.gradient_norm)),
          .applied = applied};
}

void Session::run_forward(size_t i, graph::Observer* observer) const {
  forwards_[i]->run_body(pool_, observer);
}

std::vector<NamedTensor> Session::parameters() const {
  std::vector<NamedTensor> result;
  for (const optim::ParameterPlace& place : plan_.step.layout.places)
    result.push_back({plan_.step.data->value(place.id).name, step_->tensor(place.id)});
  return result;
}

std::vector<NamedTensor> Session::gradients() const {
  std::vector<NamedTensor> result;
  for (const optim::ParameterPlace& place : plan_.step.layout.places) {
    const std::string& name = plan_.step.data->value(place.id).name;
    result.push_back({name, step_->tensor(plan_.step.data->find(name + "@gradient"))});
  }
  return result;
}

std::vector<NamedTensor> Session::optimizer_state() const {
  const optim::ParameterLayout& layout = plan_.step.layout;
  std::vector<NamedTensor> result;
  for (const Value& state : plan_.step.update.states) {
    const graph::Tensor block = step_->tensor(state.id());
    // Muon's velocity covers the matrices, every other state what comes behind them.
    const bool matrices = state.name() == "@velocity" && layout.matrix_end > 0;
    const int64_t start = matrices ? 0 : layout.matrix_end;
    for (const optim::ParameterPlace& place : layout.places) {
      if ((place.group == optim::Group::kMatrix) != matrices) continue;
      const ValueInfo& info = plan_.step.data->value(place.id);
      result.push_back({state.name().substr(1) + "/" + info.name,
                        {block.as<float>() + place.offset - start, info.type}});
    }
  }
  return result;
}

void Session::parameters_changed() {
  if (!plan_.step.blocks.copies) return;
  const graph::Tensor from = step_->tensor(plan_.step.blocks.parameters.id());
  const graph::Tensor to = step_->tensor(plan_.step.blocks.copies.id());
  round_to_bf16({from.as<float>(), static_cast<size_t>(plan_.step.layout.elements)},
                to.as<BFloat16>(), pool_);
}

graph::Tensor find_input(const graph::Program& program, std::string_view name, DType dtype) {
  const ValueId id = program.graph().find(name);
  if (id == kNoValue || program.graph().value(id).kind != ValueKind::kInput)
    throw Error("the program has no input '" + std::string(name) + "'");
  const TensorType& type = program.graph().value(id).type;
  if (type.dtype != dtype)
    throw Error("the input '" + std::string(name) + "' is " + type.to_string() +
                ", it was asked for as " + std::string(name_of(dtype)));
  return program.tensor(id);
}

}  // namespace weft::train
