// The contract of linear_weight_gradient: dW = dy^T x (or x^T dy, by the weight's layout) and
// db = sum of dy over rows, both summed in fp32 and both able to add into a buffer.
#include <algorithm>

#include "weft/ops/linear_weight_gradient.h"

#include "kernels/reduction/reduction_cuda.h"
#include "ops/contracts.h"
#include "ops/gemm_state.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;

constexpr std::string_view kName = "linear_weight_gradient";
// Operands: x, dy, then for each result the buffer to add into and the flag that says whether to.
enum Operand : uint8_t { kX, kDy, kWeightBuffer, kWeightFlag, kBiasBuffer, kBiasFlag };

const LinearWeightGradientParams& params_of(const Params& params) {
  return params.as<LinearWeightGradientParams>();
}

void check_buffer(const TypesCall& call, Operand buffer, const TensorType& result) {
  const size_t flag = buffer + 1u;
  require(!call.has(buffer) || call.type(buffer) == result, kName,
          "the buffer of a result must be " + result.to_string());
  require(!call.has(flag) || call.type(flag) == TensorType{DType::kF32, {1}}, kName,
          "the flag of a buffer must be f32[1]");
}

Types infer(const TypesCall& call) {
  const TensorType &x = call.type(kX), &dy = call.type(kDy);
  const auto allowed = [](DType d) { return d == DType::kF32 || d == DType::kBF16; };
  require(x.dtype == dy.dtype && allowed(x.dtype) && x.shape.rank() >= 1 &&
              x.shape.with_back(1) == dy.shape.with_back(1) && x.shape.elements() > 0 &&
              dy.shape.elements() > 0,
          kName,
          "x and dy must have one type and equal leading sizes, got " + x.to_string() + " and " +
              dy.to_string());
  const int64_t in = x.shape.back(), out = dy.shape.back();
  const bool out_in = params_of(call.params).layout == WeightLayout::kOutIn;
  Types results = {{DType::kF32, out_in ? Shape{out, in} : Shape{in, out}}};
  check_buffer(call, kWeightBuffer, results[0]);
  if (params_of(call.params).bias) {
    results.push_back({DType::kF32, {out}});
    check_buffer(call, kBiasBuffer, results[1]);
  }
  return results;
}

kernels::GemmSpec spec_of(const TypesCall& call) {
  const bool out_in = params_of(call.params).layout == WeightLayout::kOutIn;
  const Shape &x = call.shape(kX), &dy = call.shape(kDy);
  return {.m = out_in ? dy.back() : x.back(),
          .n = out_in ? x.back() : dy.back(),
          .k = x.rows(),
          .trans_a = true,
          .input = call.type(kX).dtype,
          .output = DType::kF32};
}

std::unique_ptr<KernelState> prepare(const PrepareCall& call) {
  return std::make_unique<GemmState>(kernels::GemmPlan(spec_of(call.types), call.threads));
}

// The product and the sum follow each other in the same memory.
int64_t workspace(const PrepareCall& call) {
  const int64_t product =
      static_cast<int64_t>(kernels::GemmPlan::scratch_bytes(spec_of(call.types), call.threads));
  if (!params_of(call.types.params).bias) return product;
  const Shape& dy = call.types.shape(kDy);
  return std::max(product, kernels::sum_rows_workspace(dy.rows(), dy.back()));
}

// What a result starts from: its buffer, or 0.
double start_value(const ReferenceCall& call, size_t buffer, size_t i) {
  if (!call.has(buffer) || (call.has(buffer + 1) && call.in(buffer + 1)[0] == 0)) return 0;
  return call.in(buffer)[i];
}

void reference(const ReferenceCall& call) {
  const LinearWeightGradientParams& params = params_of(call.params);
  const auto &x = call.in(kX), &dy = call.in(kDy);
  const size_t in = static_cast<size_t>(call.shape(kX).back());
  const size_t out = static_cast<size_t>(call.shape(kDy).back()), rows = x.size() / in;
  for (size_t o = 0; o < out; ++o) {
    for (size_t i = 0; i < in; ++i) {
      const size_t at = params.layout == WeightLayout::kOutIn ? o * in + i : i * out + o;
      double sum = start_value(call, kWeightBuffer, at);
      for (size_t r = 0; r < rows; ++r) sum += dy[r * out + o] * x[r * in + i];
      call.out(0)[at] = sum;
    }
    if (!params.bias) continue;
    double sum = start_value(call, kBiasBuffer, o);
    for (size_t r = 0; r < rows; ++r) sum += dy[r * out + o];
    call.out(1)[o] = sum;
  }
}

Cost cost(const TypesCall& call) {
  Cost cost = gemm_cost(spec_of(call));
  if (params_of(call.params).bias) {
    cost.flops += static_cast<double>(call.shape(kDy).elements());
    cost.bytes += 4.0 * static_cast<double>(call.shape(kDy).back());
  }
  return cost;
}

std::vector<Sample> samples() {
  using P = LinearWeightGradientParams;
  const P out_in{WeightLayout::kOutIn, false}, in_out{WeightLayout::kInOut, false};
  const P both{WeightLayout::kOutIn, true}, both_in_out{WeightLayout::kInOut, true};
  const auto flag = [](double value) { return values({DType::kF32, {1}}, {value}); };
  return {{{normal({2, 3, 5}), normal({2, 3, 7})}, both},
          {{normal({2, 3, 5}), normal({2, 3, 7})}, in_out},
          {{normal({1, 1}), normal({1, 1})}, both},
          {{normal({6, 5}), normal({6, 7}), normal({7, 5})}, out_in},
          {{normal({6, 5}), normal({6, 7}), normal({7, 5}), flag(0), normal({7}), flag(1)}, both},
          {{normal({6, 5}), normal({6, 7}), normal({5, 7}), flag(1), normal({7}), flag(0)},
           both_in_out},
          {{normal({6, 5}), normal({6, 7}), absent(), absent(), normal({7})}, both},
          {{normal({3, 3}), normal({3, 127})}, both},  // around tiles of the result
          {{normal({3, 3}), normal({3, 128})}, both},
          {{normal({3, 257}), normal({3, 129})}, both},
          {{normal({1023, 3}), normal({1023, 2})}, both},  // around a block of the sum
          {{normal({1024, 3}), normal({1024, 2})}, both_in_out},
          {{normal({1025, 5}), normal({1025, 2})}, both}};
}

std::vector<ErrorSample> error_samples() {
  using P = LinearWeightGradientParams;
  return {{{normal({2, 3}), normal({3, 4})}, P{}, "equal leading sizes"},
          {{normal({2, 3}), normal({2, 4}), normal({3, 4})}, P{}, "must be f32[4, 3]"},
          {{normal({2, 3}), normal({2, 4}), normal({4, 3}), normal({2})}, P{}, "flag of a buffer"}};
}

constexpr Accumulation kAccumulates[] = {{.output = 0, .into = kWeightBuffer, .flag = kWeightFlag},
                                         {.output = 1, .into = kBiasBuffer, .flag = kBiasFlag}};
constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kCompute, Slot::kFixed};

int64_t device_workspace(const PrepareCall& call) {
  const Shape& dy = call.types.shape(kDy);
  return params_of(call.types.params).bias ? kernels::sum_rows_workspace_cuda(dy.rows(), dy.back())
                                           : 0;
}

bool adds(const KernelCall& call, Operand buffer) {
  const float* flag = call.in<float>(buffer + 1u);
  return call.has(buffer) && (flag == nullptr || *flag != 0.0f);
}

template <class T>
void sum_bias(const KernelCall& call) {
  const Shape& dy = call.inputs[kDy].type.shape;
  const float always = adds(call, kBiasBuffer) ? 1.0f : 0.0f;
  kernels::sum_rows(kernels::SumRows<T>{.x_NC = call.in<T>(kDy),
                                        .out_C = call.out<float>(1),
                                        .accumulate = &always,
                                        .workspace = reinterpret_cast<float*>(call.workspace),
                                        .N = dy.rows(),
                                        .C = dy.back()},
                    call.parallel);
}

}  // namespace

constinit const OpContract contracts::linear_weight_gradient{
    .name = "linear_weight_gradient",
    .summary = "dW = dy^T x, db = sum of dy over rows",
    .min_inputs = 2,
    .max_inputs = 6,
    .infer = infer,
    .accumulates = kAccumulates,
    .prepare = prepare,
    .workspace = workspace,
    .device_workspace = device_workspace,
    .precision = kPrecision,
    .reference = reference,
    .cost = cost,
    .samples = samples,
    .error_samples = error_samples};

void cpu::linear_weight_gradient(const KernelCall& call) {
  const LinearWeightGradientParams& params = params_of(call.params);
  const bool out_in = params.layout == WeightLayout::kOutIn;
  if (params.bias && call.inputs[kDy].type.dtype == DType::kF32) sum_bias<float>(call);
  else if (params.bias) sum_bias<BFloat16>(call);
  gemm_plan(call).execute({.a = call.inputs[out_in ? kDy : kX].data,
                           .b = call.inputs[out_in ? kX : kDy].data,
                           .c = call.outputs[0].data,
                           .accumulate = adds(call, kWeightBuffer)},
                          call.workspace, call.parallel);
}

void cuda::linear_weight_gradient(const KernelCall& call) {
  const LinearWeightGradientParams& params = params_of(call.params);
  const bool out_in = params.layout == WeightLayout::kOutIn;
  const Shape& dy = call.inputs[kDy].type.shape;
  if (params.bias)
    with_element_type(call.inputs[kDy].type.dtype, [&](auto element) {
      using T = decltype(element);
      kernels::sum_rows(
          weft::cuda::Stream{call.device->stream},
          kernels::SumRows<T>{.x_NC = call.in<T>(kDy),
                              .out_C = call.out<float>(1),
                              .accumulate = accumulate_flag(call, kBiasBuffer, kBiasFlag),
                              .workspace = reinterpret_cast<float*>(call.workspace),
                              .N = dy.rows(),
                              .C = dy.back()});
    });
  launch_gemm(call, spec_of(OperandTypes(call).call()),
              {.a = call.inputs[out_in ? kDy : kX].data,
               .b = call.inputs[out_in ? kX : kDy].data,
               .c = call.outputs[0].data,
               .accumulate_flag = accumulate_flag(call, kWeightBuffer, kWeightFlag)});
}

LinearGradients linear_weight_gradient(Value x, Value dy,
                                       const LinearWeightGradientParams& params) {
  const Values outputs = apply(contracts::linear_weight_gradient, {x, dy}, params);
  return {outputs[0], params.bias ? outputs[1] : Value()};
}

}  // namespace weft::ops
