// Steps of a session, on the CPU and on a device.
#include <algorithm>
#include <cstring>

#include "train/session.h"

namespace weft::train {

using graph::ValueId;

namespace {

// What the host reads of a step on a device, by its place in the results of DeviceStep.
enum Result : size_t { kLossSum, kGradientNorm, kApplied };

}  // namespace

float& Session::scalar(Value value) const {
  return *step_->tensor(value.id()).as<float>();
}

// Micro-batches have inputs of their own on a device, where all of them are given before any runs.
std::byte* Session::step_input(ValueId id) const {
  if (device_ == nullptr) return static_cast<std::byte*>(step_->tensor(id).data);
  return device_step_->input_of(id, micro_);
}

float& Session::step_scalar(Value value) const {
  return *reinterpret_cast<float*>(step_input(value.id()));
}

runtime::HostInputs Session::inputs() const {
  return {*plan_.step.data, [this](ValueId id) { return step_input(id); }};
}

void Session::begin_step(int64_t labels) {
  if (labels < 1)
    throw Error("a step needs at least one label that counts, got " + std::to_string(labels) +
                "; are all labels -100?");
  if (!touched_ && device_ == nullptr) (*arena_).touch(pool_);
  touched_ = true;
  if (device_ != nullptr) device_step_->begin();
  labels_[static_cast<size_t>(launched_) % labels_.size()] = static_cast<double>(labels);
  micro_ = 0;
  body_launched_ = false;
  step_scalar(plan_.step.update.veto) = 0.0f;
}

void Session::micro_batch(graph::Observer* observer) {
  WEFT_ASSERT(device_ == nullptr || micro_ < plan_.options.micro_batches);
  const double labels = labels_[static_cast<size_t>(launched_) % labels_.size()];
  step_scalar(plan_.step.loss_scale) = static_cast<float>(1.0 / labels);
  step_scalar(plan_.step.accumulate) = micro_ == 0 ? 0.0f : 1.0f;
  if (device_ == nullptr) step_->run_body(pool_, observer);
  else if (observer != nullptr) device_step_->run_micro_batch(micro_, observer);
  micro_ += 1;
}

double Session::step_loss() {
  const double labels = labels_[static_cast<size_t>(launched_) % labels_.size()];
  if (device_ == nullptr) return static_cast<double>(scalar(plan_.step.loss_sum)) / labels;
  if (!body_launched_) device_step_->launch_body();
  body_launched_ = true;
  float sum = 0;
  std::memcpy(&sum, device_step_->body_result(0), sizeof sum);
  return static_cast<double>(sum) / labels;
}

void Session::forbid_update() {
  step_scalar(plan_.step.update.veto) = 1.0f;
}

void Session::launch_step(double learning_rate, graph::Observer* observer) {
  step_scalar(plan_.step.update.learning_rate) = static_cast<float>(learning_rate);
  step_scalar(plan_.step.update.step) = static_cast<float>(updates_ + 1);
  launch_update(observer);
  updates_ += 1;
  launched_ += 1;
}

void Session::launch_update(graph::Observer* observer) {
  if (device_ == nullptr) return step_->run_update(pool_, observer);
  WEFT_ASSERT(micro_ == plan_.options.micro_batches);
  if (observer != nullptr) return device_step_->run_update(observer);
  if (body_launched_) return device_step_->launch_update();
  device_step_->launch();
}

StepResult Session::step_result() {
  WEFT_ASSERT(read_ < launched_);
  const double labels = labels_[static_cast<size_t>(read_) % labels_.size()];
  const int64_t step = read_++;
  const auto value = [&](Value of, size_t place) {
    if (device_ == nullptr) return static_cast<double>(scalar(of));
    float number = 0;
    std::memcpy(&number, device_step_->result(step, place), sizeof number);
    return static_cast<double>(number);
  };
  return {.loss = value(plan_.step.loss_sum, kLossSum) / labels,
          .gradient_norm = value(plan_.step.update.gradient_norm, kGradientNorm),
          .applied = value(plan_.step.update.applied, kApplied) != 0.0};
}

StepResult Session::end_step(double learning_rate, graph::Observer* observer) {
  launch_step(learning_rate, observer);
  while (read_ + 1 < launched_) step_result();
  return step_result();
}

}  // namespace weft::train
