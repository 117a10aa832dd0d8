// The contract of dropout. Its gradient is dropout again, with the same random numbers.
#include "weft/ops/dropout.h"

#include "kernels/dropout/dropout.h"
#include "kernels/dropout/dropout_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"
#include "ops/random_state.h"

namespace weft::ops {
namespace {

using namespace graph;

Types infer(const TypesCall& call) {
  const TensorType& x = call.type(0);
  require(is_floating(x.dtype) && x.shape.rank() > 0, "dropout",
          "x must be floating-point with at least one axis, got " + x.to_string());
  require(call.type(1) == TensorType{DType::kI64, {3}}, "dropout",
          "rng must be i64[3], got " + call.type(1).to_string());
  return {x};
}

Values gradient(const GradientCall& call) {
  return {dropout(call.output_gradients[0], call.inputs[1], call.params.as<DropoutParams>()),
          Value()};
}

void reference(const ReferenceCall& call) {
  const auto& params = call.params.as<DropoutParams>();
  const RandomState state = random_state(call, 1, params.key);
  const float p = static_cast<float>(params.p);
  const size_t width = call.in(0).size() / static_cast<size_t>(call.shape(0)[0]);
  for (size_t i = 0; i < call.out(0).size(); ++i) {
    const uint32_t word = kernels::dropout_word(state.key, state.first_sample + i / width,
                                                static_cast<int64_t>(i % width));
    call.out(0)[i] = uniform_from(word) < p ? 0.0 : call.in(0)[i] / (1 - params.p);
  }
}

// A random number costs about 20 operations.
Cost cost(const TypesCall& call) {
  return {.flops = 20.0 * static_cast<double>(call.shape(0).elements()),
          .bytes = 2.0 * static_cast<double>(call.type(0).bytes())};
}

std::vector<Sample> samples() {
  const SampleInput rng = values({DType::kI64, {3}}, {1234, 7, 1000});
  return {{{normal({2, 3, 5}), rng}, DropoutParams{.p = 0.5, .key = 3}},
          {{normal({1}), rng}, DropoutParams{.p = 0.0}},
          {{normal({3, 64}), rng}, DropoutParams{.p = 0.1, .key = 9}},
          {{normal({4, 3, 33}), rng}, DropoutParams{.p = 0.9, .key = 1}},
          {{normal({2, 32769}), rng}, DropoutParams{.p = 0.2, .key = 5}}};
}

std::vector<ErrorSample> error_samples() {
  return {{{normal({2}), values({DType::kI64, {2}}, {1, 2})}, DropoutParams{}, "got i64[2]"},
          {{normal({2}), values({DType::kI64, {3}}, {1, 2, 3})},
           DropoutParams{.p = 1.0},
           "p must be at least 0 and below 1, got 1"}};
}

constexpr Pair kMayAlias[] = {{.input = 0, .output = 0}};
constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kFixed};

}  // namespace

constinit const OpContract contracts::dropout{
    .name = "dropout",
    .summary = "y = x / (1 - p) with probability 1 - p, else 0",
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .gradient = gradient,
    .saved_inputs = 0b10,
    .may_alias = kMayAlias,
    .precision = kPrecision,
    .recompute = Recompute::kCheap,
    .random = true,
    .reference = reference,
    .cost = cost,
    .samples = samples,
    .error_samples = error_samples};

void cpu::dropout(const KernelCall& call) {
  const auto& params = call.params.as<DropoutParams>();
  const RandomState state = random_state(call, 1, params.key);
  const Shape& shape = call.inputs[0].type.shape;
  const int64_t samples = shape[0];
  with_element_type(call.inputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    kernels::dropout(kernels::Dropout<T>{.x_BE = call.in<T>(0),
                                         .y_BE = call.out<T>(0),
                                         .B = samples,
                                         .E = samples == 0 ? 0 : shape.elements() / samples,
                                         .p = static_cast<float>(params.p),
                                         .key = state.key,
                                         .first_sample = state.first_sample},
                     call.parallel);
  });
}

void cuda::dropout(const KernelCall& call) {
  const auto& params = call.params.as<DropoutParams>();
  const Shape& shape = call.inputs[0].type.shape;
  with_element_type(call.inputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    kernels::dropout(
        weft::cuda::Stream{call.device->stream},
        kernels::DropoutOnDevice<T>{.x_BE = call.in<T>(0),
                                    .y_BE = call.out<T>(0),
                                    .B = shape[0],
                                    .E = shape[0] == 0 ? 0 : shape.elements() / shape[0],
                                    .p = static_cast<float>(params.p),
                                    .rng = call.in<int64_t>(1),
                                    .place = params.key});
  });
}

Value dropout(Value x, Value rng, const DropoutParams& params) {
  return apply(contracts::dropout, {x, rng}, params)[0];
}

}  // namespace weft::ops
