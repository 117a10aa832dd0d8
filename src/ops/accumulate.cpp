// The contract of accumulate: sum += x in place, which is how gradients of micro-batches add up.
#include "weft/ops/accumulate.h"

#include "kernels/elementwise/elementwise.h"
#include "kernels/elementwise/elementwise_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;

Types infer(const TypesCall& call) {
  require(call.type(0).dtype == DType::kF32, "accumulate",
          "the sum must be f32, got " + call.type(0).to_string());
  require(call.shape(0) == call.shape(1) && is_floating(call.type(1).dtype), "accumulate",
          "x must be floating-point of the sum's shape " + call.shape(0).to_string() + ", got " +
              call.type(1).to_string());
  require(!call.has(2) || call.type(2) == TensorType{DType::kF32, {1}}, "accumulate",
          "the flag must be f32[1]");
  return {call.type(0)};
}

void reference(const ReferenceCall& call) {
  const bool add = !call.has(2) || call.in(2)[0] != 0;
  for (size_t i = 0; i < call.out(0).size(); ++i)
    call.out(0)[i] = (add ? call.in(0)[i] : 0.0) + call.in(1)[i];
}

Cost cost(const TypesCall& call) {
  return {.flops = static_cast<double>(call.shape(0).elements()),
          .bytes = static_cast<double>(2 * call.type(0).bytes() + call.type(1).bytes())};
}

std::vector<Sample> samples() {
  return {{{normal({2, 3, 5}), normal({2, 3, 5})}},
          {{normal({1}), normal({1}), values({DType::kF32, {1}}, {0})}},
          {{normal({65537}), normal({65537}), values({DType::kF32, {1}}, {1})}}};
}

std::vector<ErrorSample> error_samples() {
  return {{{normal({2, 3}), normal({3, 2})}, NoParams{}, "of the sum's shape [2, 3]"}};
}

constexpr Pair kUpdates[] = {{.input = 0, .output = 0}};
constexpr Slot kPrecision[] = {Slot::kFixed, Slot::kCompute, Slot::kFixed};

}  // namespace

constinit const OpContract contracts::accumulate{.name = "accumulate",
                                                 .summary = "sum = sum * flag + x, in place",
                                                 .min_inputs = 2,
                                                 .max_inputs = 3,
                                                 .infer = infer,
                                                 .updates = kUpdates,
                                                 .precision = kPrecision,
                                                 .reference = reference,
                                                 .cost = cost,
                                                 .samples = samples,
                                                 .error_samples = error_samples};

void cpu::accumulate(const KernelCall& call) {
  with_element_type(call.inputs[1].type.dtype, [&](auto element) {
    using T = decltype(element);
    start(
        call, [](const auto&... a) { kernels::accumulate(a...); },
        kernels::Accumulate<T>{.x = call.in<T>(1),
                               .sum = call.out<float>(0),
                               .accumulate = accumulate_flag(call, 0, 2),
                               .n = call.outputs[0].type.shape.elements()});
  });
}

void cuda::accumulate(const KernelCall& call) {
  cpu::accumulate(call);
}

Value accumulate(Value sum, Value x, Value flag) {
  return apply(contracts::accumulate, {sum, x, flag})[0];
}

}  // namespace weft::ops
