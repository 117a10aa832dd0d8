// The contract of cast: y = x in another floating-point type.
#include "weft/ops/cast.h"

#include "kernels/cast/cast.h"
#include "kernels/cast/cast_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;

bool supported(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16;
}

Types infer(const TypesCall& call) {
  const DType to = call.params.as<CastParams>().dtype;
  require(supported(call.type(0).dtype) && supported(to), "cast",
          "casts between f32 and bf16, not from " + std::string(name_of(call.type(0).dtype)) +
              " to " + std::string(name_of(to)));
  return {{to, call.shape(0)}};
}

Values gradient(const GradientCall& call) {
  return {cast(call.output_gradients[0], call.inputs[0].dtype())};
}

void reference(const ReferenceCall& call) {
  call.out(0) = call.in(0);
}

Cost cost(const TypesCall& call) {
  const int64_t width = size_of(call.type(0).dtype) + size_of(call.params.as<CastParams>().dtype);
  return {.flops = 0, .bytes = static_cast<double>(call.shape(0).elements() * width)};
}

std::vector<Sample> samples() {
  return {{{normal({2, 3, 5})}, CastParams{DType::kBF16}},
          {{normal({1})}, CastParams{DType::kF32}},
          {{normal({16})}, CastParams{DType::kBF16}},
          {{normal({32769})}, CastParams{DType::kBF16}}};
}

std::vector<ErrorSample> error_samples() {
  return {{{normal({2})}, CastParams{DType::kI32}, "between f32 and bf16"}};
}

}  // namespace

constinit const OpContract contracts::cast{.name = "cast",
                                           .summary = "y = x in another floating-point type",
                                           .min_inputs = 1,
                                           .max_inputs = 1,
                                           .infer = infer,
                                           .gradient = gradient,
                                           .recompute = Recompute::kCheap,
                                           .reference = reference,
                                           .cost = cost,
                                           .samples = samples,
                                           .error_samples = error_samples};

void cpu::cast(const KernelCall& call) {
  start(
      call, [](const auto&... a) { kernels::cast(a...); },
      kernels::Cast{.x = call.inputs[0].data,
                    .from = call.inputs[0].type.dtype,
                    .y = call.outputs[0].data,
                    .to = call.outputs[0].type.dtype,
                    .n = call.outputs[0].type.shape.elements()});
}

void cuda::cast(const KernelCall& call) {
  cpu::cast(call);
}

Value cast(Value x, DType dtype) {
  return apply(contracts::cast, {x}, CastParams{dtype})[0];
}

}  // namespace weft::ops
