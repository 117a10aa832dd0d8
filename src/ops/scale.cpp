// The contract of scale: y = factor * x.
#include "weft/ops/scale.h"

#include <cmath>

#include "kernels/elementwise/elementwise.h"
#include "kernels/elementwise/elementwise_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;

Types infer(const TypesCall& call) {
  require(is_floating(call.type(0).dtype), "scale",
          "x must be floating-point, got " + call.type(0).to_string());
  require(std::isfinite(call.params.as<ScaleParams>().factor), "scale", "the factor is not finite");
  return {call.type(0)};
}

Values gradient(const GradientCall& call) {
  return {scale(call.output_gradients[0], call.params.as<ScaleParams>().factor)};
}

void reference(const ReferenceCall& call) {
  const double factor = static_cast<float>(call.params.as<ScaleParams>().factor);
  for (size_t i = 0; i < call.out(0).size(); ++i) call.out(0)[i] = factor * call.in(0)[i];
}

Cost cost(const TypesCall& call) {
  return {.flops = static_cast<double>(call.shape(0).elements()),
          .bytes = 2.0 * static_cast<double>(call.type(0).bytes())};
}

std::vector<Sample> samples() {
  return {{{normal({2, 3, 5})}, ScaleParams{-0.75}},
          {{normal({1})}, ScaleParams{0.0}},
          {{normal({1001})}, ScaleParams{3.0}}};
}

std::vector<ErrorSample> error_samples() {
  return {{{integers({2}, 0, 3)}, ScaleParams{2.0}, "must be floating-point, got i32[2]"}};
}

constexpr Pair kMayAlias[] = {{.input = 0, .output = 0}};
constexpr Slot kPrecision[] = {Slot::kCompute};

}  // namespace

constinit const OpContract contracts::scale{.name = "scale",
                                            .summary = "y = factor * x",
                                            .min_inputs = 1,
                                            .max_inputs = 1,
                                            .infer = infer,
                                            .gradient = gradient,
                                            .may_alias = kMayAlias,
                                            .precision = kPrecision,
                                            .recompute = Recompute::kCheap,
                                            .reference = reference,
                                            .cost = cost,
                                            .samples = samples,
                                            .error_samples = error_samples};

void cpu::scale(const KernelCall& call) {
  with_element_type(call.outputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    start(
        call, [](const auto&... a) { kernels::scale(a...); },
        kernels::Scale<T>{.x = call.in<T>(0),
                          .y = call.out<T>(0),
                          .n = call.outputs[0].type.shape.elements(),
                          .factor = static_cast<float>(call.params.as<ScaleParams>().factor)});
  });
}

void cuda::scale(const KernelCall& call) {
  cpu::scale(call);
}

Value scale(Value x, double factor) {
  return apply(contracts::scale, {x}, ScaleParams{factor})[0];
}

}  // namespace weft::ops
