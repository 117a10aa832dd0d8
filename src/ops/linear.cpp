// The contract of linear: y = x W^T + bias, or x W + bias, by the weight's layout. The gradient of
// x is linear again with the other layout; those of weight and bias come from
// linear_weight_gradient.
#include "weft/ops/linear.h"

#include "ops/contracts.h"
#include "ops/gemm_state.h"
#include "ops/linear_shape.h"
#include "weft/ops/linear_weight_gradient.h"

namespace weft::ops {
namespace {

using namespace graph;

Types infer(const TypesCall& call) {
  return {infer_linear("linear", call, call.params.as<LinearParams>().layout)};
}

Values gradient(const GradientCall& call) {
  const WeightLayout layout = call.params.as<LinearParams>().layout;
  const Value dy = call.output_gradients[0];
  Values result(3);
  if (call.wants(0)) {
    const bool out_in = layout == WeightLayout::kOutIn;
    result[0] =
        linear(dy, call.inputs[1], {}, out_in ? WeightLayout::kInOut : WeightLayout::kOutIn);
  }
  if (call.wants(1) || call.wants(2)) {
    const LinearGradients gradients =
        linear_weight_gradient(call.inputs[0], dy, {.layout = layout, .bias = call.wants(2)});
    result[1] = gradients.weight;
    result[2] = gradients.bias;
  }
  result.resize(call.inputs.size());
  return result;
}

kernels::GemmSpec spec_of(const TypesCall& call) {
  return linear_spec(call, call.params.as<LinearParams>().layout);
}

std::unique_ptr<KernelState> prepare(const PrepareCall& call) {
  return std::make_unique<GemmState>(kernels::GemmPlan(spec_of(call.types), call.threads));
}

int64_t workspace(const PrepareCall& call) {
  return static_cast<int64_t>(kernels::GemmPlan::scratch_bytes(spec_of(call.types), call.threads));
}

void reference(const ReferenceCall& call) {
  const bool out_in = call.params.as<LinearParams>().layout == WeightLayout::kOutIn;
  const auto &x = call.in(0), &weight = call.in(1);
  const size_t in = static_cast<size_t>(call.shape(0).back());
  const size_t out = weight.size() / in;
  for (size_t i = 0; i < call.out(0).size(); ++i) {
    const size_t row = i / out, column = i % out;
    double sum = call.has(2) ? call.in(2)[column] : 0;
    for (size_t k = 0; k < in; ++k)
      sum += x[row * in + k] * (out_in ? weight[column * in + k] : weight[k * out + column]);
    call.out(0)[i] = sum;
  }
}

Cost cost(const TypesCall& call) {
  return gemm_cost(spec_of(call));
}

std::vector<Sample> samples() {
  const LinearParams out_in{WeightLayout::kOutIn}, in_out{WeightLayout::kInOut};
  return {{{normal({2, 3, 5}), normal({7, 5}), normal({7})}, out_in},
          {{normal({2, 3, 5}), normal({5, 7}), normal({7})}, in_out},
          {{normal({1}), normal({1, 1})}, out_in},
          {{normal({1, 65}), normal({65, 33}), normal({33})}, in_out},
          {{normal({2, 66}), normal({66, 129})}, in_out},  // thin, past one tile
          {{normal({5, 33}), normal({33, 47}), normal({47})}, in_out},
          {{normal({3, 200}), normal({200, 70}), normal({70})}, in_out},  // thin, in slices
          {{normal({3, 40}), normal({131, 40})}, out_in},
          {{normal({8, 40}), normal({30, 40}), normal({30})}, out_in},  // the last thin product
          {{normal({9, 40}), normal({30, 40}), absent()}, out_in},      // the first of oneDNN
          {{normal({127, 3}), normal({2, 3}), normal({2})}, out_in},    // around a tile's rows
          {{normal({128, 3}), normal({3, 2})}, in_out},
          {{normal({129, 3}), normal({2, 3})}, out_in},
          {{normal({6, 3}), normal({255, 3})}, out_in},  // around a tile's columns
          {{normal({6, 3}), normal({256, 3}), normal({256})}, out_in},
          {{normal({6, 3}), normal({3, 257}), normal({257})}, in_out},
          {{normal({6, 1023}), normal({3, 1023})}, out_in},  // around a block of the sum
          {{normal({6, 1024}), normal({1024, 3})}, in_out},
          {{normal({6, 1025}), normal({3, 1025})}, out_in}};
}

std::vector<ErrorSample> error_samples() {
  return {{{normal({2, 3}), normal({4, 5})}, LinearParams{}, "must be the weight's input size 5"},
          {{normal({2, 3}), normal({3})}, LinearParams{}, "and the weight two"},
          {{normal({0, 3}), normal({4, 3})}, LinearParams{}, "none of them empty"},
          {{normal({2, 3}), integers({4, 3}, 0, 2)}, LinearParams{}, "both be f32 or both bf16"},
          {{normal({2, 3}), normal({4, 3}), normal({3})}, LinearParams{}, "bias must be f32[4]"}};
}

constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kCompute, Slot::kF32};

}  // namespace

constinit const OpContract contracts::linear{.name = "linear",
                                             .summary = "y = x W^T + bias",
                                             .min_inputs = 2,
                                             .max_inputs = 3,
                                             .infer = infer,
                                             .gradient = gradient,
                                             .saved_inputs = 0b011,
                                             .prepare = prepare,
                                             .workspace = workspace,
                                             .precision = kPrecision,
                                             .reference = reference,
                                             .cost = cost,
                                             .samples = samples,
                                             .error_samples = error_samples};

void cpu::linear(const KernelCall& call) {
  gemm_plan(call).execute({.a = call.inputs[0].data,
                           .b = call.inputs[1].data,
                           .c = call.outputs[0].data,
                           .bias = call.in<float>(2)},
                          call.workspace, call.parallel);
}

void cuda::linear(const KernelCall& call) {
  launch_gemm(call, spec_of(OperandTypes(call).call()),
              {.a = call.inputs[0].data,
               .b = call.inputs[1].data,
               .c = call.outputs[0].data,
               .bias = call.in<float>(2)});
}

std::string_view name_of(WeightLayout layout) {
  return layout == WeightLayout::kOutIn ? "out_in" : "in_out";
}

Value linear(Value x, Value weight, Value bias, WeightLayout layout) {
  return apply(contracts::linear, {x, weight, bias}, LinearParams{layout})[0];
}

}  // namespace weft::ops
