// The contract of add: c = a + b. The gradient passes through unchanged, so that nothing is saved.
#include "weft/ops/add.h"

#include "kernels/elementwise/elementwise.h"
#include "kernels/elementwise/elementwise_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;

Types infer(const TypesCall& call) {
  require(call.type(0) == call.type(1), "add",
          "both inputs must have the same type, got " + call.type(0).to_string() + " and " +
              call.type(1).to_string());
  return {call.type(0)};
}

Values gradient(const GradientCall& call) {
  return {call.output_gradients[0], call.output_gradients[0]};
}

void reference(const ReferenceCall& call) {
  for (size_t i = 0; i < call.out(0).size(); ++i) call.out(0)[i] = call.in(0)[i] + call.in(1)[i];
}

Cost cost(const TypesCall& call) {
  return {.flops = static_cast<double>(call.shape(0).elements()),
          .bytes = 3.0 * static_cast<double>(call.type(0).bytes())};
}

std::vector<Sample> samples() {
  return {{{normal({2, 3, 5}), normal({2, 3, 5})}},
          {{normal({1}), normal({1})}},
          {{normal({999}), normal({999})}},
          {{normal({32767}), normal({32767})}},  // around a tile
          {{normal({32768}), normal({32768})}},
          {{normal({32769}), normal({32769})}},
          {{normal({65537}), normal({65537})}}};
}

std::vector<ErrorSample> error_samples() {
  return {{{normal({2, 3}), normal({3, 2})}, NoParams{}, "same type, got f32[2, 3] and f32[3, 2]"}};
}

constexpr Pair kMayAlias[] = {{.input = 0, .output = 0}, {.input = 1, .output = 0}};
constexpr Slot kPrecision[] = {Slot::kCompute};

}  // namespace

constinit const OpContract contracts::add{.name = "add",
                                          .summary = "c = a + b",
                                          .min_inputs = 2,
                                          .max_inputs = 2,
                                          .infer = infer,
                                          .gradient = gradient,
                                          .may_alias = kMayAlias,
                                          .precision = kPrecision,
                                          .recompute = Recompute::kCheap,
                                          .reference = reference,
                                          .cost = cost,
                                          .samples = samples,
                                          .error_samples = error_samples};

void cpu::add(const KernelCall& call) {
  with_element_type(call.outputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    start(
        call, [](const auto&... a) { kernels::add(a...); },
        kernels::Binary<T>{.a = call.in<T>(0),
                           .b = call.in<T>(1),
                           .y = call.out<T>(0),
                           .n = call.outputs[0].type.shape.elements()});
  });
}

void cuda::add(const KernelCall& call) {
  cpu::add(call);
}

Value add(Value a, Value b) {
  return apply(contracts::add, {a, b})[0];
}

}  // namespace weft::ops
