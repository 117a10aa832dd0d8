// The contract of gradient_norm.
#include "weft/ops/gradient_norm.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/optimizer/gradient_norm.h"
#include "kernels/optimizer/optimizer_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;

Types infer(const TypesCall& call) {
  require(call.type(0).dtype == DType::kF32 && call.shape(0).rank() == 1, "gradient_norm",
          "gradients must be f32 [N], got " + call.type(0).to_string());
  require(!call.has(1) || call.type(1) == TensorType{DType::kF32, {1}}, "gradient_norm",
          "the veto must be f32[1]");
  return Types(3, {DType::kF32, {1}});
}

void reference(const ReferenceCall& call) {
  const double max_norm = call.params.as<GradientNormParams>().max_norm;
  double sum = 0;
  for (const double g : call.in(0)) sum += g * g;
  const double norm = std::sqrt(sum);
  const bool finite = std::isfinite(norm);
  call.out(0)[0] = norm;
  call.out(1)[0] = finite && max_norm > 0 ? std::min(1.0, max_norm / (norm + 1e-6)) : 1.0;
  const bool permitted = !call.has(1) || call.in(1)[0] == 0;
  call.out(2)[0] = finite && permitted ? 1.0 : 0.0;
}

Cost cost(const TypesCall& call) {
  return {.flops = 2.0 * static_cast<double>(call.shape(0).elements()),
          .bytes = static_cast<double>(call.type(0).bytes())};
}

std::vector<Sample> samples() {
  const double infinity = std::numeric_limits<double>::infinity();
  return {{{normal({1})}, GradientNormParams{1.0}},
          {{normal({1023})}, GradientNormParams{1.0}},
          {{normal({1025})}, GradientNormParams{100.0}},
          {{normal({70001})}, GradientNormParams{0.0}},
          {{values({DType::kF32, {3}}, {1, infinity, 2})}, GradientNormParams{1.0}},
          {{normal({7}), values({DType::kF32, {1}}, {0})}, GradientNormParams{1.0}},
          {{normal({7}), values({DType::kF32, {1}}, {1})}, GradientNormParams{1.0}}};
}

std::vector<ErrorSample> error_samples() {
  return {{{normal({2, 2})}, GradientNormParams{}, "must be f32 [N], got f32[2, 2]"},
          {{normal({4}), normal({2})}, GradientNormParams{}, "the veto must be f32[1]"}};
}

}  // namespace

constinit const OpContract contracts::gradient_norm{
    .name = "gradient_norm",
    .summary =
        "norm = sqrt(sum g^2), clip = min(1, max / norm), apply = is it finite and not forbidden",
    .min_inputs = 1,
    .max_inputs = 2,
    .infer = infer,
    .workspace =
        [](const PrepareCall& call) {
          return kernels::gradient_norm_workspace(call.types.shape(0).elements());
        },
    .device_workspace =
        [](const PrepareCall& call) {
          return kernels::gradient_norm_workspace_cuda(call.types.shape(0).elements());
        },
    .reference = reference,
    .cost = cost,
    .samples = samples,
    .error_samples = error_samples};

void cpu::gradient_norm(const KernelCall& call) {
  start(
      call, [](const auto&... a) { kernels::gradient_norm(a...); },
      kernels::GradientNorm{.gradients_N = call.in<float>(0),
                            .veto = call.in<float>(1),
                            .norm = call.out<float>(0),
                            .clip = call.out<float>(1),
                            .apply = call.out<float>(2),
                            .workspace = reinterpret_cast<double*>(call.workspace),
                            .N = call.inputs[0].type.shape.elements(),
                            .max_norm = call.params.as<GradientNormParams>().max_norm});
}

void cuda::gradient_norm(const KernelCall& call) {
  cpu::gradient_norm(call);
}

GradientNorm gradient_norm(Value gradients, Value veto, const GradientNormParams& params) {
  const Values out = apply(contracts::gradient_norm, {gradients, veto}, params);
  return {out[0], out[1], out[2]};
}

}  // namespace weft::ops
