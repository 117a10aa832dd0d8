#include "train/session.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "graph/registry.h"
#include "train/initialize.h"

namespace weft::train {

using graph::kNoValue;
using graph::ValueId;
using graph::ValueInfo;

namespace {

// What a snapshot copies, block by block.
std::vector<ValueId> snapshot_blocks(const StepGraph& step) {
  std::vector<ValueId> blocks = {step.blocks.parameters.id()};
  for (const Value& state : step.update.states) blocks.push_back(state.id());
  return blocks;
}

int64_t snapshot_bytes(const StepGraph& step) {
  int64_t bytes = 0;
  for (const ValueId id : snapshot_blocks(step))
    bytes += align_up(step.data->value(id).type.bytes());
  return bytes;
}

}  // namespace

SessionPlan plan_session(StepGraph step, std::vector<ForwardGraph> forwards, int threads,
                         bool with_snapshot) {
  SessionPlan plan{.step = std::move(step), .threads = threads};
  plan.step_schedule = graph::serial_schedule(*plan.step.data);
  plan.step_memory = graph::plan_memory(
      *plan.step.data, plan.step_schedule,
      {.threads = threads,
       .outputs = {plan.step.update.gradient_norm.id(), plan.step.update.applied.id()}});
  plan.forwards =
      runtime::plan_forwards(std::move(forwards), runtime::Parameters::kElsewhere, threads);
  plan.snapshot = plan.step_memory.persistent_bytes + plan.forwards.persistent_bytes;
  plan.snapshot_bytes = with_snapshot ? snapshot_bytes(plan.step) : 0;
  plan.transient = plan.snapshot + plan.snapshot_bytes;
  plan.bytes =
      plan.transient + std::max(plan.step_memory.transient_bytes, plan.forwards.transient_bytes);
  return plan;
}

namespace {

// Where a forward program finds a parameter, or its copy: by its name in the step's graph.
std::byte* parameter_address(const graph::Program& step, const std::string& name) {
  const ValueId id = step.graph().find(name);
  if (id == kNoValue)
    throw Error("a forward program reads the parameter '" + name +
                "', which the training step does not have");
  return static_cast<std::byte*>(step.tensor(id).data);
}

std::unique_ptr<graph::Program> bind_step(const SessionPlan& plan, Arena& arena,
                                          const graph::Device& device) {
  return std::make_unique<graph::Program>(
      *plan.step.data, plan.step_schedule, plan.step_memory,
      graph::Binding{.arena = &arena, .transient = plan.transient}, device);
}

// `step` must outlive the result.
std::unique_ptr<ForwardPrograms> bind_forwards(const SessionPlan& plan, const graph::Program& step,
                                               Arena& arena, const graph::Device& device) {
  const ForwardBinding binding{
      .arena = &arena,
      .persistent = plan.step_memory.persistent_bytes,
      .transient = plan.transient,
      .parameter = [&step](const std::string& name) { return parameter_address(step, name); }};
  return std::make_unique<ForwardPrograms>(plan.forwards, binding, device);
}

}  // namespace

int64_t bound_bytes(const SessionPlan& plan) {
  Arena arena(plan.bytes, ArenaUse::kPlan);
  const graph::Device device{.threads = plan.threads};
  const auto step = bind_step(plan, arena, device);
  bind_forwards(plan, *step, arena, device);
  return arena.high_water();
}

Session::Session(SessionPlan plan, uint64_t seed)
    : plan_(std::move(plan)), pool_(plan_.threads), arena_(plan_.bytes) {
  const graph::Device device{graph::cpu_kernels(), plan_.threads};
  step_ = bind_step(plan_, arena_, device);
  forwards_ = bind_forwards(plan_, *step_, arena_, device);
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
  if (!touched_) arena_.touch(pool_);
  touched_ = true;
  labels_ = static_cast<double>(labels);
  scalar(plan_.step.loss_scale) = static_cast<float>(1.0 / labels_);
  scalar(plan_.step.accumulate) = 0.0f;
  scalar(plan_.step.update.veto) = 0.0f;
}

void Session::micro_batch(graph::Observer* observer) {
  step_->run_body(pool_, observer);
  scalar(plan_.step.accumulate) = 1.0f;
}

double Session::step_loss() const {
  return static_cast<double>(scalar(plan_.step.loss_sum)) / labels_;
}

void Session::forbid_update() {
  scalar(plan_.step.update.veto) = 1.0f;
}

StepResult Session::end_step(double learning_rate, graph::Observer* observer) {
  if (!std::isfinite(step_loss())) forbid_update();
  scalar(plan_.step.update.learning_rate) = static_cast<float>(learning_rate);
  scalar(plan_.step.update.step) = static_cast<float>(updates_ + 1);
  step_->run_update(pool_, observer);
  const bool applied = scalar(plan_.step.update.applied) != 0.0f;
  updates_ += 1;
  return {.loss = step_loss(),
          .gradient_norm = static_cast<double>(scalar(plan_.step.update.gradient_norm)),
          .applied = applied};
}

void Session::run_forward(size_t i, graph::Observer* observer) const {
  (*forwards_)[i].run_body(pool_, observer);
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

namespace {

constexpr int64_t kCopiedAtOnce = int64_t{1} << 20;  // bytes

void copy_block(const graph::Tensor& from, std::byte* to, const ParallelFor& parallel) {
  const auto* source = static_cast<const std::byte*>(from.data);
  const int64_t bytes = from.type.bytes();
  parallel((bytes + kCopiedAtOnce - 1) / kCopiedAtOnce, [&](int64_t tile, int) {
    const int64_t begin = tile * kCopiedAtOnce;
    std::memcpy(to + begin, source + begin,
                static_cast<size_t>(std::min(kCopiedAtOnce, bytes - begin)));
  });
}

// Tensors of the block `from` are those of its copy at `to` from now on.
void move_views(std::vector<NamedTensor>& tensors, const graph::Tensor& from, std::byte* to) {
  const auto* begin = static_cast<const std::byte*>(from.data);
  for (NamedTensor& entry : tensors) {
    const auto* at = static_cast<const std::byte*>(entry.tensor.data);
    if (at >= begin && at < begin + from.type.bytes()) entry.tensor.data = to + (at - begin);
  }
}

}  // namespace

TrainedTensors Session::take_snapshot() {
  WEFT_ASSERT(plan_.snapshot_bytes > 0);
  TrainedTensors copy = trained_tensors();
  std::byte* to = arena_.at(plan_.snapshot, plan_.snapshot_bytes);
  for (const ValueId id : snapshot_blocks(plan_.step)) {
    const graph::Tensor from = step_->tensor(id);
    copy_block(from, to, pool_);
    move_views(copy.parameters, from, to);
    move_views(copy.optimizer_state, from, to);
    to += align_up(from.type.bytes());
  }
  return copy;
}

void Session::parameters_changed() {
  if (!plan_.step.blocks.copies) return;
  const graph::Tensor from = step_->tensor(plan_.step.blocks.parameters.id());
  const graph::Tensor to = step_->tensor(plan_.step.blocks.copies.id());
  round_to_bf16({from.as<float>(), static_cast<size_t>(plan_.step.layout.elements)},
                to.as<BFloat16>(), pool_);
}

}  // namespace weft::train
