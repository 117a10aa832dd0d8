// The contract of sgd.
#include "weft/ops/sgd.h"

#include "kernels/elementwise/elementwise_cuda.h"
#include "kernels/optimizer/optimizer_cuda.h"
#include "kernels/optimizer/sgd.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"
#include "ops/update_rule.h"

namespace weft::ops {
namespace {

using namespace graph;

Types infer(const TypesCall& call) {
  const auto& p = call.params.as<SgdParams>();
  require(call.has(update::kState) == (p.momentum != 0), "sgd",
          "needs a velocity with momentum, and none without");
  Types outputs = update::infer(call, {.op = "sgd"});
  require(p.decayed <= outputs[0].shape[0], "sgd", "more elements decay than there are");
  return outputs;
}

void reference(const ReferenceCall& call) {
  const auto& p = call.params.as<SgdParams>();
  if (!call.has(update::kState)) call.out(1)[0] = 0.0;
  update::reference(call, [&](size_t i) {
    const double decay = static_cast<int64_t>(i) < p.decayed ? p.weight_decay : 0.0;
    const double old = call.in(update::kParameters)[i];
    const double g = call.in(update::kGradients)[i] * call.in(update::kClip)[0] + decay * old;
    double step = g;
    if (call.has(update::kState)) {
      const double velocity = p.momentum * call.in(update::kState)[i] + g;
      call.out(1)[i] = velocity;
      step = p.nesterov ? g + p.momentum * velocity : velocity;
    }
    call.out(0)[i] = old - call.in(update::kRate)[0] * step;
  });
}

std::vector<Sample> samples() {
  using update::sample;
  return {
      sample({.shape = {1}, .state = false}, SgdParams{}),
      sample({.shape = {17}, .copy = true, .clip = 0.5},
             SgdParams{.momentum = 0.9, .weight_decay = 0.1, .decayed = 9}),
      sample({.shape = {33}, .state = false, .copy = true},
             SgdParams{.weight_decay = 0.1, .decayed = 33}),
      sample({.shape = {40000}},
             SgdParams{.momentum = 0.9, .nesterov = true, .weight_decay = 0.1, .decayed = 33000}),
      sample({.shape = {32}, .copy = true, .apply = 0}, SgdParams{.momentum = 0.9})};
}

std::vector<ErrorSample> error_samples() {
  return {
      {update::sample({.shape = {4}}, {}).inputs, SgdParams{}, "needs a velocity with momentum"},
      {update::sample({.shape = {2, 2}, .state = false}, {}).inputs, SgdParams{},
       "f32 of rank 1, got f32[2, 2]"},
      {update::sample({.shape = {4}, .state = false}, {}).inputs, SgdParams{.decayed = 5},
       "more elements decay"}};
}

void write_zero(const KernelCall& call, float* to) {
  if (call.device == nullptr) *to = 0.0f;
  else
    kernels::scale(weft::cuda::Stream{call.device->stream},
                   kernels::Scale<float>{.x = call.device->one, .y = to, .n = 1, .factor = 0.0f});
}

}  // namespace

constinit const OpContract contracts::sgd{
    .name = "sgd",
    .summary = "gradient descent with (Nesterov) momentum, in place",
    .min_inputs = 6,
    .max_inputs = 8,
    .infer = infer,
    .updates = update::kUpdates,
    .reference = reference,
    .cost = [](const TypesCall& call) { return update::cost(call, 7); },
    .samples = samples,
    .error_samples = error_samples};

void cpu::sgd(const KernelCall& call) {
  const auto& p = call.params.as<SgdParams>();
  const bool has_velocity = call.has(update::kState);
  if (!has_velocity) write_zero(call, call.out<float>(1));
  start(
      call, [](const auto&... a) { kernels::sgd(a...); },
      kernels::Sgd{.parameters_N = call.out<float>(0),
                   .gradients_N = call.in<float>(update::kGradients),
                   .velocity_N = has_velocity ? call.out<float>(1) : nullptr,
                   .copy_N = update::copy(call),
                   .scalars = update::scalars(call),
                   .N = call.outputs[0].type.shape.elements(),
                   .decayed = p.decayed,
                   .momentum = p.momentum,
                   .weight_decay = p.weight_decay,
                   .nesterov = p.nesterov});
}

void cuda::sgd(const KernelCall& call) {
  cpu::sgd(call);
}

Updated sgd(const UpdateOperands& operands, Value velocity, const SgdParams& params) {
  return update::apply(contracts::sgd, operands, velocity, params);
}

}  // namespace weft::ops
