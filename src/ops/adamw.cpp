// The contract of adamw.
#include "weft/ops/adamw.h"

#include <cmath>

#include "kernels/optimizer/adamw.h"
#include "kernels/optimizer/optimizer_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;

enum Input : size_t {
  kParameters,
  kGradients,
  kMoment1,
  kMoment2,
  kRate,
  kStep,
  kClip,
  kApply,
  kCopy
};

Types infer(const TypesCall& call) {
  const TensorType& p = call.type(kParameters);
  require(p.dtype == DType::kF32 && p.shape.rank() == 1, "adamw",
          "parameters must be f32 [N], got " + p.to_string());
  for (const size_t i : {kGradients, kMoment1, kMoment2})
    require(call.type(i) == p, "adamw",
            "gradients and moments must be like the parameters, " + p.to_string() + ", got " +
                call.type(i).to_string());
  for (const size_t i : {kRate, kStep, kClip, kApply})
    require(call.type(i) == TensorType{DType::kF32, {1}}, "adamw",
            "learning rate, step, clip and apply must be f32[1]");
  require(!call.has(kCopy) || call.type(kCopy) == TensorType{DType::kBF16, p.shape}, "adamw",
          "the copy must be bf16 of the parameters' shape");
  require(call.params.as<AdamWParams>().decayed <= p.shape[0], "adamw",
          "more elements decay than there are");
  Types outputs{p, p, p};
  if (call.has(kCopy)) outputs.push_back(call.type(kCopy));
  return outputs;
}

void reference_element(const ReferenceCall& call, size_t i) {
  const AdamWParams& p = call.params.as<AdamWParams>();
  const double rate = call.in(kRate)[0], t = call.in(kStep)[0];
  const double g = call.in(kGradients)[i] * call.in(kClip)[0];
  const double m = p.beta1 * call.in(kMoment1)[i] + (1 - p.beta1) * g;
  const double v = p.beta2 * call.in(kMoment2)[i] + (1 - p.beta2) * g * g;
  const double decay = static_cast<int64_t>(i) < p.decayed ? p.weight_decay : 0.0;
  call.out(0)[i] =
      call.in(kParameters)[i] * (1 - rate * decay) -
      rate * (m / (1 - std::pow(p.beta1, t))) / (std::sqrt(v / (1 - std::pow(p.beta2, t))) + p.eps);
  call.out(1)[i] = m;
  call.out(2)[i] = v;
  if (call.has(kCopy)) call.out(3)[i] = call.out(0)[i];
}

void reference(const ReferenceCall& call) {
  if (call.in(kApply)[0] != 0.0) {
    for (size_t i = 0; i < call.out(0).size(); ++i) reference_element(call, i);
    return;
  }
  call.out(0) = call.in(kParameters);
  call.out(1) = call.in(kMoment1);
  call.out(2) = call.in(kMoment2);
  if (call.has(kCopy)) call.out(3) = call.in(kCopy);
}

Cost cost(const TypesCall& call) {
  const double n = static_cast<double>(call.shape(0).elements());
  return {.flops = 14 * n, .bytes = (7 * 4 + (call.has(kCopy) ? 2 : 0)) * n};
}

struct Case {
  int64_t n = 1, decayed = 0;
  double step = 1, clip = 1, apply = 1;
  bool copy = false;
};

Sample sample(const Case& c) {
  const auto scalar = [](double value) { return values({DType::kF32, {1}}, {value}); };
  Sample result{{normal({c.n}), normal({c.n}), normal({c.n}), positive({c.n}), scalar(0.01),
                 scalar(c.step), scalar(c.clip), scalar(c.apply)},
                AdamWParams{.decayed = c.decayed}};
  if (c.copy) result.inputs.push_back({.type = {DType::kBF16, {c.n}}});
  return result;
}

std::vector<Sample> samples() {
  return {sample({.n = 1, .decayed = 1}),
          sample({.n = 17, .decayed = 9, .step = 3, .clip = 0.25, .copy = true}),
          sample({.n = 40000, .decayed = 33000, .step = 1000, .clip = 0.5, .copy = true}),
          sample({.n = 32, .step = 2, .apply = 0, .copy = true})};
}

std::vector<ErrorSample> error_samples() {
  Sample wrong = sample({.n = 4});
  wrong.inputs[kMoment1] = normal({5});
  return {{wrong.inputs, wrong.params, "like the parameters, f32[4], got f32[5]"}};
}

constexpr Pair kUpdates[] = {{.input = kParameters, .output = 0},
                             {.input = kMoment1, .output = 1},
                             {.input = kMoment2, .output = 2},
                             {.input = kCopy, .output = 3}};

}  // namespace

constinit const OpContract contracts::adamw{.name = "adamw",
                                            .summary = "Adam with decoupled weight decay, in place",
                                            .min_inputs = 8,
                                            .max_inputs = 9,
                                            .infer = infer,
                                            .updates = kUpdates,
                                            .reference = reference,
                                            .cost = cost,
                                            .samples = samples,
                                            .error_samples = error_samples};

void cpu::adamw(const KernelCall& call) {
  const AdamWParams& p = call.params.as<AdamWParams>();
  start(
      call, [](const auto&... a) { kernels::adamw(a...); },
      kernels::AdamW{.parameters_N = call.out<float>(0),
                     .gradients_N = call.in<float>(kGradients),
                     .moment1_N = call.out<float>(1),
                     .moment2_N = call.out<float>(2),
                     .copy_N = call.has(kCopy) ? call.out<BFloat16>(3) : nullptr,
                     .scalars = {.learning_rate = call.in<float>(kRate),
                                 .step = call.in<float>(kStep),
                                 .clip = call.in<float>(kClip),
                                 .apply = call.in<float>(kApply)},
                     .N = call.inputs[kParameters].type.shape.elements(),
                     .decayed = p.decayed,
                     .beta1 = p.beta1,
                     .beta2 = p.beta2,
                     .eps = p.eps,
                     .weight_decay = p.weight_decay});
}

void cuda::adamw(const KernelCall& call) {
  cpu::adamw(call);
}

Updated adamw(const UpdateOperands& o, Value moment1, Value moment2, const AdamWParams& params) {
  const Values out = apply(contracts::adamw,
                           {o.parameters, o.gradients, moment1, moment2, o.learning_rate, o.step,
                            o.clip, o.apply, o.copy},
                           params);
  return {out[0], o.copy ? out[3] : Value()};
}

}  // namespace weft::ops
