// The contracts of activation and its gradient.
#include "weft/ops/activation.h"

#include <cmath>

#include "kernels/activation/activation_cuda.h"
#include "ops/activation_math.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"

namespace weft::ops {

using namespace graph;

std::string_view name_of(Activation kind) {
  switch (kind) {
    case Activation::kGeluTanh: return "gelu_tanh";
    case Activation::kGelu: return "gelu";
    case Activation::kSilu: return "silu";
    case Activation::kRelu: return "relu";
    case Activation::kTanh: return "tanh";
  }
  return "?";
}

kernels::ActivationKind kernel_kind(Activation kind) {
  switch (kind) {
    case Activation::kGeluTanh: return kernels::ActivationKind::kGeluTanh;
    case Activation::kGelu: return kernels::ActivationKind::kGelu;
    case Activation::kSilu: return kernels::ActivationKind::kSilu;
    case Activation::kRelu: return kernels::ActivationKind::kRelu;
    case Activation::kTanh: return kernels::ActivationKind::kTanh;
  }
  return kernels::ActivationKind::kTanh;
}

namespace {

constexpr double kSqrt2OverPi = 0.79788456080286535588;
constexpr double kCubic = 0.044715;

double gelu_argument(double x) {
  return kSqrt2OverPi * (x + kCubic * x * x * x);
}

}  // namespace

double activate(Activation kind, double x) {
  switch (kind) {
    case Activation::kGeluTanh: return 0.5 * x * (1 + std::tanh(gelu_argument(x)));
    case Activation::kGelu: return 0.5 * x * std::erfc(-x * std::sqrt(0.5));
    case Activation::kSilu: return x / (1 + std::exp(-x));
    case Activation::kRelu: return x > 0 ? x : 0;
    case Activation::kTanh: return std::tanh(x);
  }
  return 0;
}

double activation_derivative(Activation kind, double x) {
  switch (kind) {
    case Activation::kGeluTanh: {
      const double t = std::tanh(gelu_argument(x));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * kSqrt2OverPi * (1 + 3 * kCubic * x * x);
    }
    case Activation::kGelu:
      return 0.5 * std::erfc(-x * std::sqrt(0.5)) + x * 0.5 * kSqrt2OverPi * std::exp(-0.5 * x * x);
    case Activation::kSilu: {
      const double s = 1 / (1 + std::exp(-x));
      return s * (1 + x * (1 - s));
    }
    case Activation::kRelu: return x > 0 ? 1 : 0;
    case Activation::kTanh: return 1 - std::tanh(x) * std::tanh(x);
  }
  return 0;
}

namespace {

constexpr Activation kAll[] = {Activation::kGeluTanh, Activation::kGelu, Activation::kSilu,
                               Activation::kRelu, Activation::kTanh};

Types infer(const TypesCall& call) {
  require(is_floating(call.type(0).dtype), "activation",
          "x must be floating-point, got " + call.type(0).to_string());
  return {call.type(0)};
}

Types infer_backward(const TypesCall& call) {
  require(call.type(0) == call.type(1), "activation_backward",
          "dy must be like x, " + call.type(1).to_string());
  return {call.type(0)};
}

Values gradient(const GradientCall& call) {
  return {apply(contracts::activation_backward, {call.output_gradients[0], call.inputs[0]},
                call.params)[0]};
}

void reference(const ReferenceCall& call) {
  const Activation kind = call.params.as<ActivationParams>().kind;
  for (size_t i = 0; i < call.out(0).size(); ++i) call.out(0)[i] = activate(kind, call.in(0)[i]);
}

void reference_backward(const ReferenceCall& call) {
  const Activation kind = call.params.as<ActivationParams>().kind;
  for (size_t i = 0; i < call.out(0).size(); ++i)
    call.out(0)[i] = call.in(0)[i] * activation_derivative(kind, call.in(1)[i]);
}

Cost cost(const TypesCall& call) {
  const double operands = static_cast<double>(call.inputs.size() + 1);
  return {.flops = kActivationFlops * static_cast<double>(call.shape(0).elements()),
          .bytes = operands * static_cast<double>(call.type(0).bytes())};
}

std::vector<Sample> samples_of(size_t inputs) {
  std::vector<Sample> result;
  const auto add = [&](Shape shape, Activation kind) {
    result.push_back({std::vector<SampleInput>(inputs, normal(shape)), ActivationParams{kind}});
  };
  for (const Activation kind : kAll) {
    add({2, 3, 17}, kind);
    add({1}, kind);
    add({1001}, kind);
  }
  return result;
}

constexpr Pair kMayAlias[] = {{.input = 0, .output = 0}};
constexpr Pair kMayAliasBackward[] = {{.input = 0, .output = 0}, {.input = 1, .output = 0}};
constexpr Slot kPrecision[] = {Slot::kCompute};

}  // namespace

constinit const OpContract contracts::activation{
    .name = "activation",
    .summary = "y = f(x): gelu, gelu_tanh, silu, relu, tanh",
    .min_inputs = 1,
    .max_inputs = 1,
    .infer = infer,
    .gradient = gradient,
    .saved_inputs = 1u << 0,
    .may_alias = kMayAlias,
    .precision = kPrecision,
    .recompute = Recompute::kCheap,
    .reference = reference,
    .cost = cost,
    .samples = [] { return samples_of(1); },
    .error_samples =
        [] {
          return std::vector<ErrorSample>{
              {{integers({2}, 0, 3)}, ActivationParams{}, "floating-point, got i32[2]"}};
        }};

constinit const OpContract contracts::activation_backward{
    .name = "activation_backward",
    .summary = "dx = dy f'(x)",
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer_backward,
    .may_alias = kMayAliasBackward,
    .precision = kPrecision,
    .recompute = Recompute::kCheap,
    .reference = reference_backward,
    .cost = cost,
    .samples = [] { return samples_of(2); },
    .error_samples =
        [] {
          return std::vector<ErrorSample>{
              {{normal({2}), normal({3})}, ActivationParams{}, "dy must be like x, f32[3]"}};
        }};

void cpu::activation(const KernelCall& call) {
  with_element_type(call.inputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    start(
        call, [](const auto&... a) { kernels::activation_forward(a...); },
        kernels::ActivationForward<T>{.kind = kernel_kind(call.params.as<ActivationParams>().kind),
                                      .x = call.in<T>(0),
                                      .y = call.out<T>(0),
                                      .n = call.outputs[0].type.shape.elements()});
  });
}

void cuda::activation(const KernelCall& call) {
  cpu::activation(call);
}

void cpu::activation_backward(const KernelCall& call) {
  with_element_type(call.inputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    start(
        call, [](const auto&... a) { kernels::activation_backward(a...); },
        kernels::ActivationBackward<T>{.kind = kernel_kind(call.params.as<ActivationParams>().kind),
                                       .dy = call.in<T>(0),
                                       .x = call.in<T>(1),
                                       .dx = call.out<T>(0),
                                       .n = call.outputs[0].type.shape.elements()});
  });
}

void cuda::activation_backward(const KernelCall& call) {
  cpu::activation_backward(call);
}

Value activation(Value x, Activation kind) {
  return apply(contracts::activation, {x}, ActivationParams{kind})[0];
}

}  // namespace weft::ops
