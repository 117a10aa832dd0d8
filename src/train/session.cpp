#include "train/session.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/forward_staging.h"
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

// Inputs of the step that are given once, before the update; all others come with micro-batches.
std::vector<ValueId> update_inputs(const StepGraph& step) {
  return {step.update.learning_rate.id(), step.update.step.id(), step.update.veto.id()};
}

std::vector<ValueId> micro_batch_inputs(const StepGraph& step) {
  const std::vector<ValueId> once = update_inputs(step);
  std::vector<ValueId> result;
  for (size_t v = 0; v < step.data->values.size(); ++v)
    if (step.data->values[v].kind == ValueKind::kInput &&
        std::find(once.begin(), once.end(), static_cast<ValueId>(v)) == once.end())
      result.push_back(static_cast<ValueId>(v));
  return result;
}

DeviceStepSpec device_step_spec(const StepGraph& step, const SessionOptions& options) {
  return {.micro_batches = options.micro_batches,
          .inputs = micro_batch_inputs(step),
          .update_inputs = update_inputs(step),
          .body_results = {step.loss_sum.id()},
          .results = {step.update.gradient_norm.id(), step.update.applied.id()},
          .split = options.split_step};
}

DeviceBytes device_bytes(const StepGraph& step, const ForwardPlan& forwards,
                         const SessionOptions& options) {
  const DeviceStepSpec spec = device_step_spec(step, options);
  return {.step_inputs = DeviceStep::device_bytes(*step.data, spec),
          .own = runtime::ComputeDevice::own_bytes(options.kernels),
          .staging = DeviceStep::staging_bytes(*step.data, spec) +
                     runtime::forward_staging_bytes(forwards),
          .mirror = HostMirror::bytes(*step.data, snapshot_blocks(step))};
}

}  // namespace

SessionPlan plan_session(StepGraph step, std::vector<ForwardGraph> forwards,
                         const SessionOptions& options) {
  SessionPlan plan{.step = std::move(step), .options = options};
  plan.step_schedule = graph::serial_schedule(*plan.step.data);
  plan.step_memory = graph::plan_memory(
      *plan.step.data, plan.step_schedule,
      {.threads = options.threads,
       .on_device = options.on_device,
       .outputs = {plan.step.update.gradient_norm.id(), plan.step.update.applied.id()}});
  plan.forwards =
      runtime::plan_forwards(std::move(forwards), {.parameters = runtime::Parameters::kElsewhere,
                                                   .threads = options.threads,
                                                   .on_device = options.on_device});
  if (options.on_device) plan.device = device_bytes(plan.step, plan.forwards, options);
  plan.snapshot = plan.step_memory.persistent_bytes + plan.forwards.persistent_bytes;
  if (options.with_snapshot && !options.on_device)  // there the mirror is one
    plan.snapshot_bytes = HostMirror::bytes(*plan.step.data, snapshot_blocks(plan.step));
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
  const graph::Device device{.threads = plan.options.threads};
  const auto step = bind_step(plan, arena, device);
  bind_forwards(plan, *step, arena, device);
  return arena.high_water();
}

Session::Session(SessionPlan plan, uint64_t seed, std::unique_ptr<runtime::ComputeDevice> device)
    : device_(std::move(device)),
      plan_(std::move(plan)),
      pool_(plan_.options.threads),
      arena_(plan_.bytes, device_.get()) {
  WEFT_ASSERT(plan_.options.on_device == (device_ != nullptr));
  if (device_ != nullptr)
    device_->use_kernels(plan_.options.kernels, {}, plan_.options.deterministic);
  const graph::Device backend = runtime::backend_of(device_.get(), plan_.options.threads);
  step_ = bind_step(plan_, *arena_, backend);
  forwards_ = bind_forwards(plan_, *step_, *arena_, backend);
  if (device_ != nullptr) bind_device();
  initialize(seed);
}

Session::~Session() = default;

// Kernels of products are chosen before the step is captured, on the arena's zeros.
void Session::bind_device() {
  ops::choose_calls(device_->queues().stream(0).handle(), [this] {
    step_->run_body(SerialFor());
    step_->run_update(SerialFor());
  });
  device_->remember_choices();
  mirror_ = std::make_unique<HostMirror>(*step_, device_->queues(), snapshot_blocks(plan_.step));
  device_step_ = std::make_unique<DeviceStep>(*step_, device_->queues(),
                                              device_step_spec(plan_.step, plan_.options));
}

void Session::initialize(uint64_t seed) {
  const graph::Tensor block = trained_block(plan_.step.blocks.parameters, Fetch::kNo);
  for (const optim::ParameterPlace& place : plan_.step.layout.places) {
    const ValueInfo& info = plan_.step.data->value(place.id);
    const std::span<float> values(block.as<float>() + place.offset,
                                  static_cast<size_t>(place.elements));
    initialize_parameter(info.name, info.initializer, seed, values, pool_);
  }
  parameters_changed();
}

void Session::run_forward(size_t i, graph::Observer* observer) const {
  forwards_->run(i, pool_, observer);
}

graph::Tensor Session::on_host(const graph::Tensor& tensor, std::vector<std::byte>& copy) const {
  if (device_ == nullptr || tensor.data == nullptr) return tensor;
  copy.resize(static_cast<size_t>(tensor.type.bytes()));
  device_->queues().download(copy, tensor.data);
  return {copy.data(), tensor.type};
}

// A block of what is trained where the host reads and writes it.
graph::Tensor Session::trained_block(Value block, Fetch fetch) const {
  if (device_ == nullptr) return step_->tensor(block.id());
  if (fetch == Fetch::kYes) mirror_->fetch(block.id());
  return mirror_->tensor(block.id());
}

std::vector<NamedTensor> Session::parameters() const {
  const graph::Tensor block = trained_block(plan_.step.blocks.parameters, Fetch::kYes);
  return parts_of(block);
}

std::vector<NamedTensor> Session::gradients() const {
  return parts_of(on_host(step_->tensor(plan_.step.blocks.gradients.id()), gradients_));
}

// The parameters' places in a block of all of them.
std::vector<NamedTensor> Session::parts_of(const graph::Tensor& block) const {
  std::vector<NamedTensor> result;
  for (const optim::ParameterPlace& place : plan_.step.layout.places) {
    const ValueInfo& info = plan_.step.data->value(place.id);
    result.push_back({info.name, {block.as<float>() + place.offset, info.type}});
  }
  return result;
}

std::vector<NamedTensor> Session::optimizer_state() const {
  std::vector<NamedTensor> result;
  for (const Value& state : plan_.step.update.states) {
    const graph::Tensor block = trained_block(state, Fetch::kYes);
    for (const optim::StatePlace& place : plan_.step.update.places) {
      if (place.state != state) continue;
      result.push_back({state.name().substr(1) + "/" + plan_.step.data->value(place.parameter).name,
                        {block.as<float>() + place.offset, {DType::kF32, place.shape}}});
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
  WEFT_ASSERT(plan_.options.with_snapshot);
  TrainedTensors copy = trained_tensors();
  if (device_ != nullptr) return copy;
  std::byte* to = (*arena_).at(plan_.snapshot, plan_.snapshot_bytes);
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
  if (device_ != nullptr) mirror_->send(plan_.step.blocks.parameters.id());
  if (!plan_.step.blocks.copies) return;
  const graph::Tensor from = trained_block(plan_.step.blocks.parameters, Fetch::kNo);
  const graph::Tensor to = step_->tensor(plan_.step.blocks.copies.id());
  const std::span<const float> masters(from.as<float>(),
                                       static_cast<size_t>(plan_.step.layout.elements));
  if (device_ == nullptr) return round_to_bf16(masters, to.as<BFloat16>(), pool_);
  std::vector<BFloat16> rounded(masters.size());
  round_to_bf16(masters, rounded.data(), pool_);
  device_->queues().upload(to.data, std::as_bytes(std::span(rounded)));
}

void Session::optimizer_state_changed() {
  if (device_ == nullptr) return;
  for (const Value& state : plan_.step.update.states) mirror_->send(state.id());
}

}  // namespace weft::train
