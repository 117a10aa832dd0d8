// The contract of linear_activation: linear with its activation as the product's epilogue. The
// gradient goes through the activation, then is linear's.
#include "weft/ops/linear_activation.h"

#include "ops/activation_math.h"
#include "ops/contracts.h"
#include "ops/gemm_state.h"
#include "ops/linear_shape.h"
#include "weft/ops/gated_activation.h"
#include "weft/ops/linear_weight_gradient.h"

namespace weft::ops {
namespace {

using namespace graph;

const LinearActivationParams& params_of(const Params& params) {
  return params.as<LinearActivationParams>();
}

Types infer(const TypesCall& call) {
  const LinearActivationParams& p = params_of(call.params);
  const TensorType sums = infer_linear("linear_activation", call, p.layout);
  const int64_t out = sums.shape.back();
  require(!p.gated || out % 2 == 0, "linear_activation",
          "a gated weight must have an even number of outputs, got " + std::to_string(out));
  Types results = {{sums.dtype, sums.shape.with_back(p.gated ? out / 2 : out)}};
  if (p.keep_sums) results.push_back(sums);
  return results;
}

Values gradient(const GradientCall& call) {
  const LinearActivationParams& p = params_of(call.params);
  const Value x = call.inputs[0], weight = call.inputs[1];
  const Value bias = call.inputs.size() > 2 ? call.inputs[2] : Value();
  const Value sums = p.keep_sums ? call.outputs[1] : linear(x, weight, bias, p.layout);
  const OpContract& backward =
      p.gated ? contracts::gated_activation_backward : contracts::activation_backward;
  const Value dsums =
      apply(backward, {call.output_gradients[0], sums}, ActivationParams{p.kind})[0];
  Values result(3);
  if (call.wants(0)) {
    const bool out_in = p.layout == WeightLayout::kOutIn;
    result[0] = linear(dsums, weight, {}, out_in ? WeightLayout::kInOut : WeightLayout::kOutIn);
  }
  if (call.wants(1) || call.wants(2)) {
    const LinearGradients gradients =
        linear_weight_gradient(x, dsums, {.layout = p.layout, .bias = call.wants(2)});
    result[1] = gradients.weight;
    result[2] = gradients.bias;
  }
  result.resize(call.inputs.size());
  return result;
}

Values fallback(std::span<const Value> in, const Params& params) {
  const LinearActivationParams& p = params_of(params);
  const Value sums = linear(in[0], in[1], in.size() > 2 ? in[2] : Value(), p.layout);
  const Value y = p.gated ? gated_activation(sums, p.kind) : activation(sums, p.kind);
  return p.keep_sums ? Values{y, sums} : Values{y};
}

kernels::GemmSpec spec_of(const TypesCall& call) {
  const LinearActivationParams& p = params_of(call.params);
  kernels::GemmSpec spec = linear_spec(call, p.layout);
  spec.activation = kernel_kind(p.kind);
  spec.gated = p.gated;
  if (p.gated) spec.n /= 2;
  spec.save_pre_activation = p.keep_sums;
  return spec;
}

std::unique_ptr<KernelState> prepare(const PrepareCall& call) {
  return std::make_unique<GemmState>(kernels::GemmPlan(spec_of(call.types), call.threads));
}

int64_t workspace(const PrepareCall& call) {
  return static_cast<int64_t>(kernels::GemmPlan::scratch_bytes(spec_of(call.types), call.threads));
}

double reference_sum(const ReferenceCall& call, size_t row, size_t column) {
  const size_t in = static_cast<size_t>(call.shape(0).back()), out = call.in(1).size() / in;
  const bool out_in = params_of(call.params).layout == WeightLayout::kOutIn;
  double sum = call.has(2) ? call.in(2)[column] : 0;
  for (size_t k = 0; k < in; ++k)
    sum += call.in(0)[row * in + k] * call.in(1)[out_in ? column * in + k : k * out + column];
  return sum;
}

void reference(const ReferenceCall& call) {
  const LinearActivationParams& p = params_of(call.params);
  const size_t in = static_cast<size_t>(call.shape(0).back()), sums = call.in(1).size() / in;
  const size_t out = p.gated ? sums / 2 : sums;
  for (size_t i = 0; i < call.out(0).size(); ++i) {
    const size_t row = i / out, column = i % out;
    const double z = reference_sum(call, row, column);
    const double up = p.gated ? reference_sum(call, row, out + column) : 1.0;
    call.out(0)[i] = activate(p.kind, z) * up;
    if (!p.keep_sums) continue;
    call.out(1)[row * sums + column] = z;
    if (p.gated) call.out(1)[row * sums + out + column] = up;
  }
}

Cost cost(const TypesCall& call) {
  const LinearActivationParams& p = params_of(call.params);
  Cost cost = gemm_cost(linear_spec(call, p.layout));
  const Types results = infer(call);
  cost.flops += kActivationFlops * static_cast<double>(results[0].shape.elements());
  if (p.keep_sums) cost.bytes += static_cast<double>(results[0].bytes());
  return cost;
}

std::vector<Sample> samples() {
  using P = LinearActivationParams;
  const P gelu{.kind = Activation::kGeluTanh, .layout = WeightLayout::kInOut};
  const P swiglu{.kind = Activation::kSilu, .gated = true};
  const P lean{.kind = Activation::kSilu, .gated = true, .keep_sums = false};
  const P relu{.kind = Activation::kRelu, .keep_sums = false};
  return {{{normal({2, 3, 5}), normal({5, 7}), normal({7})}, gelu},
          {{normal({2, 3, 5}), normal({14, 5})}, swiglu},
          {{normal({1}), normal({2, 1}), normal({2})}, lean},
          {{normal({1, 1}), normal({1, 1})}, gelu},
          {{normal({4, 9}), normal({6, 9}), normal({6})}, swiglu},
          {{normal({5, 9}), normal({6, 9}), normal({6})}, lean},
          {{normal({127, 3}), normal({3, 2}), normal({2})}, gelu},
          {{normal({129, 3}), normal({4, 3})}, relu},
          {{normal({6, 3}), normal({510, 3}), normal({510})}, swiglu},
          {{normal({6, 3}), normal({514, 3}), normal({514})}, swiglu},
          {{normal({6, 1025}), normal({1025, 3})}, gelu}};
}

std::vector<ErrorSample> error_samples() {
  const LinearActivationParams gated{.gated = true};
  return {{{normal({2, 3}), normal({5, 3})}, gated, "even number of outputs, got 5"},
          {{normal({2, 3}), normal({4, 5})}, gated, "must be the weight's input size 5"}};
}

Params fused_params(const Params& linear, const OpContract& second, const Params& of_second,
                    bool keep_sums) {
  return LinearActivationParams{.kind = of_second.as<ActivationParams>().kind,
                                .layout = linear.as<LinearParams>().layout,
                                .gated = &second == &contracts::gated_activation,
                                .keep_sums = keep_sums};
}

constexpr const OpContract* kActivations[] = {&contracts::activation, &contracts::gated_activation};
constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kCompute, Slot::kF32};

}  // namespace

constinit const OpContract contracts::linear_activation{
    .name = "linear_activation",
    .summary = "y = f(x W^T + bias), or f(g) u with gates",
    .min_inputs = 2,
    .max_inputs = 3,
    .infer = infer,
    .gradient = gradient,
    .saved_inputs = 0b111,
    .saved_outputs = 0b10,
    .statistics = 0b10,
    .fuses = {&contracts::linear, kActivations, fused_params},
    .prepare = prepare,
    .workspace = workspace,
    .precision = kPrecision,
    .reference = reference,
    .fallback = fallback,
    .cost = cost,
    .samples = samples,
    .error_samples = error_samples};

void cpu::linear_activation(const KernelCall& call) {
  const bool keeps = params_of(call.params).keep_sums;
  gemm_plan(call).execute({.a = call.inputs[0].data,
                           .b = call.inputs[1].data,
                           .c = call.outputs[0].data,
                           .bias = call.in<float>(2),
                           .pre_activation = keeps ? call.outputs[1].data : nullptr},
                          call.workspace, call.parallel);
}

void cuda::linear_activation(const KernelCall& call) {
  const bool keeps = params_of(call.params).keep_sums;
  launch_gemm(call, spec_of(OperandTypes(call).call()),
              {.a = call.inputs[0].data,
               .b = call.inputs[1].data,
               .c = call.outputs[0].data,
               .bias = call.in<float>(2),
               .pre_activation = keeps ? call.outputs[1].data : nullptr});
}

Value linear_activation(Value x, Value weight, Value bias, const LinearActivationParams& params) {
  return apply(contracts::linear_activation, {x, weight, bias}, params)[0];
}

}  // namespace weft::ops
