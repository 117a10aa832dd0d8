// The contracts of gated_activation and its gradient.
#include "weft/ops/gated_activation.h"

#include "kernels/activation/activation_cuda.h"
#include "ops/activation_math.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;

Types infer(const TypesCall& call) {
  const TensorType& x = call.type(0);
  require(is_floating(x.dtype) && x.shape.rank() >= 1 && x.shape.back() % 2 == 0,
          "gated_activation",
          "needs a floating-point input whose last axis holds gate and up side by side, got " +
              x.to_string());
  return {{x.dtype, x.shape.with_back(x.shape.back() / 2)}};
}

Types infer_backward(const TypesCall& call) {
  const TensorType expected = infer({call.inputs.subspan(1), call.params})[0];
  require(call.type(0) == expected, "gated_activation_backward",
          "dy must be " + expected.to_string() + ", got " + call.type(0).to_string());
  return {call.type(1)};
}

Values gradient(const GradientCall& call) {
  return {apply(contracts::gated_activation_backward, {call.output_gradients[0], call.inputs[0]},
                call.params)[0]};
}

void reference(const ReferenceCall& call) {
  const Activation kind = call.params.as<ActivationParams>().kind;
  const size_t F = static_cast<size_t>(call.shape(0).back() / 2);
  for (size_t i = 0; i < call.out(0).size(); ++i) {
    const size_t gate = i / F * 2 * F + i % F;
    call.out(0)[i] = activate(kind, call.in(0)[gate]) * call.in(0)[gate + F];
  }
}

void reference_backward(const ReferenceCall& call) {
  const Activation kind = call.params.as<ActivationParams>().kind;
  const size_t F = static_cast<size_t>(call.shape(0).back());
  for (size_t i = 0; i < call.in(0).size(); ++i) {
    const size_t gate = i / F * 2 * F + i % F;
    const double dy = call.in(0)[i], g = call.in(1)[gate], up = call.in(1)[gate + F];
    call.out(0)[gate] = dy * up * activation_derivative(kind, g);
    call.out(0)[gate + F] = dy * activate(kind, g);
  }
}

Cost cost(const TypesCall& call) {
  double bytes = 0;
  for (size_t i = 0; i < call.inputs.size(); ++i)
    bytes += static_cast<double>(call.type(i).bytes());
  return {.flops = kActivationFlops * static_cast<double>(call.shape(0).elements()),
          .bytes = 1.5 * bytes};
}

std::vector<Sample> samples_of(bool backward) {
  std::vector<Sample> result;
  const auto add = [&](Shape shape, Activation kind) {
    Sample sample{{}, ActivationParams{kind}};
    if (backward) sample.inputs.push_back(normal(shape));
    sample.inputs.push_back(normal(shape.with_back(2 * shape.back())));
    result.push_back(std::move(sample));
  };
  for (const Activation kind : {Activation::kSilu, Activation::kGelu, Activation::kGeluTanh}) {
    for (const int64_t width : {1, 15, 16, 17}) add({3, width}, kind);
    add({2, 3, 70}, kind);
    add({1, 1}, kind);
  }
  return result;
}

constexpr Pair kMayAliasBackward[] = {{.input = 1, .output = 0}};
constexpr Slot kPrecision[] = {Slot::kCompute};

}  // namespace

constinit const OpContract contracts::gated_activation{
    .name = "gated_activation",
    .summary = "y = f(gate) * up, gate and up side by side in a row",
    .min_inputs = 1,
    .max_inputs = 1,
    .infer = infer,
    .gradient = gradient,
    .saved_inputs = 1u << 0,
    .precision = kPrecision,
    .recompute = Recompute::kCheap,
    .reference = reference,
    .cost = cost,
    .samples = [] { return samples_of(false); },
    .error_samples =
        [] {
          return std::vector<ErrorSample>{
              {{normal({2, 3})}, ActivationParams{}, "gate and up side by side, got f32[2, 3]"}};
        }};

constinit const OpContract contracts::gated_activation_backward{
    .name = "gated_activation_backward",
    .summary = "dgate = dy up f'(gate), dup = dy f(gate)",
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer_backward,
    .may_alias = kMayAliasBackward,
    .precision = kPrecision,
    .recompute = Recompute::kCheap,
    .reference = reference_backward,
    .cost = cost,
    .samples = [] { return samples_of(true); },
    .error_samples =
        [] {
          return std::vector<ErrorSample>{
              {{normal({2, 3}), normal({2, 4})}, ActivationParams{}, "dy must be f32[2, 2]"}};
        }};

void cpu::gated_activation(const KernelCall& call) {
  const Shape& shape = call.outputs[0].type.shape;
  with_element_type(call.inputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    start(
        call, [](const auto&... a) { kernels::gated_forward(a...); },
        kernels::GatedForward<T>{.kind = kernel_kind(call.params.as<ActivationParams>().kind),
                                 .x_N2F = call.in<T>(0),
                                 .y_NF = call.out<T>(0),
                                 .N = shape.rows(),
                                 .F = shape.back()});
  });
}

void cuda::gated_activation(const KernelCall& call) {
  cpu::gated_activation(call);
}

void cpu::gated_activation_backward(const KernelCall& call) {
  const Shape& shape = call.inputs[0].type.shape;
  with_element_type(call.inputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    start(
        call, [](const auto&... a) { kernels::gated_backward(a...); },
        kernels::GatedBackward<T>{.kind = kernel_kind(call.params.as<ActivationParams>().kind),
                                  .dy_NF = call.in<T>(0),
                                  .x_N2F = call.in<T>(1),
                                  .dx_N2F = call.out<T>(0),
                                  .N = shape.rows(),
                                  .F = shape.back()});
  });
}

void cuda::gated_activation_backward(const KernelCall& call) {
  cpu::gated_activation_backward(call);
}

Value gated_activation(Value gate_up, Activation kind) {
  return apply(contracts::gated_activation, {gate_up}, ActivationParams{kind})[0];
}

}  // namespace weft::ops
