// The contract of lion.
#include "weft/ops/lion.h"

#include "kernels/optimizer/lion.h"
#include "kernels/optimizer/optimizer_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"
#include "ops/update_rule.h"

namespace weft::ops {
namespace {

using namespace graph;

Types infer(const TypesCall& call) {
  Types outputs = update::infer(call, {.op = "lion"});
  require(call.params.as<LionParams>().decayed <= outputs[0].shape[0], "lion",
          "more elements decay than there are");
  return outputs;
}

void reference(const ReferenceCall& call) {
  const auto& p = call.params.as<LionParams>();
  update::reference(call, [&](size_t i) {
    const double rate = call.in(update::kRate)[0], m = call.in(update::kState)[i];
    const double decay = static_cast<int64_t>(i) < p.decayed ? p.weight_decay : 0.0;
    const double g = call.in(update::kGradients)[i] * call.in(update::kClip)[0];
    const double u = p.beta1 * m + (1 - p.beta1) * g;
    const double sign = static_cast<double>(u > 0) - static_cast<double>(u < 0);
    call.out(0)[i] = call.in(update::kParameters)[i] * (1 - rate * decay) - rate * sign;
    call.out(1)[i] = p.beta2 * m + (1 - p.beta2) * g;
  });
}

std::vector<Sample> samples() {
  using update::sample;
  return {sample({.shape = {1}}, LionParams{.weight_decay = 0.1, .decayed = 1}),
          sample({.shape = {17}, .copy = true, .clip = 0.5},
                 LionParams{.weight_decay = 0.1, .decayed = 9}),
          sample({.shape = {40000}}, LionParams{.weight_decay = 0.1, .decayed = 33000}),
          sample({.shape = {32}, .copy = true, .apply = 0}, LionParams{})};
}

std::vector<ErrorSample> error_samples() {
  std::vector<SampleInput> wrong = update::sample({.shape = {4}}, {}).inputs;
  wrong[update::kGradients] = normal({5});
  return {
      {wrong, LionParams{}, "gradients must be like the parameters, f32[4], got f32[5]"},
      {update::sample({.shape = {4}}, {}).inputs, LionParams{.decayed = 5}, "more elements decay"}};
}

}  // namespace

constinit const OpContract contracts::lion{
    .name = "lion",
    .summary = "the sign of an interpolated momentum, in place",
    .min_inputs = 7,
    .max_inputs = 8,
    .infer = infer,
    .updates = update::kUpdates,
    .reference = reference,
    .cost = [](const TypesCall& call) { return update::cost(call, 9); },
    .samples = samples,
    .error_samples = error_samples};

void cpu::lion(const KernelCall& call) {
  const auto& p = call.params.as<LionParams>();
  start(
      call, [](const auto&... a) { kernels::lion(a...); },
      kernels::Lion{.parameters_N = call.out<float>(0),
                    .gradients_N = call.in<float>(update::kGradients),
                    .moment_N = call.out<float>(1),
                    .copy_N = update::copy(call),
                    .scalars = update::scalars(call),
                    .N = call.outputs[0].type.shape.elements(),
                    .decayed = p.decayed,
                    .beta1 = p.beta1,
                    .beta2 = p.beta2,
                    .weight_decay = p.weight_decay});
}

void cuda::lion(const KernelCall& call) {
  cpu::lion(call);
}

Updated lion(const UpdateOperands& operands, Value moment, const LionParams& params) {
  return update::apply(contracts::lion, operands, moment, params);
}

}  // namespace weft::ops
