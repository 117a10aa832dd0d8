// The contracts of sum, mean and their gradient, which repeats every number of dy.
#include "weft/ops/reduce.h"

#include "kernels/reduction/reduction.h"
#include "kernels/reduction/reduction_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;

struct RepeatParams {
  std::vector<int64_t> sizes;  // of the result
  double factor = 1.0;
  DType dtype = DType::kF32;  // of the result

  void visit(auto&& v) {
    v("sizes", sizes);
    v("factor", factor);
    v("dtype", dtype);
  }
};

// How many elements go into one number.
int64_t terms(const Shape& x, const Params& params) {
  return params.as<ReduceParams>().axis == Axis::kAll ? x.elements() : x.back();
}

double mean_factor(const Shape& x, const Params& params) {
  return 1.0 / static_cast<double>(terms(x, params));
}

Types infer(const TypesCall& call) {
  const TensorType& x = call.type(0);
  require(is_floating(x.dtype) && x.shape.rank() > 0 && x.shape.elements() > 0, "sum and mean",
          "x must be floating-point with at least one element, got " + x.to_string());
  const bool one = call.params.as<ReduceParams>().axis == Axis::kAll || x.shape.rank() == 1;
  if (one) return {{DType::kF32, {1}}};
  const auto rank = static_cast<size_t>(x.shape.rank());
  return {{DType::kF32, Shape(std::span(x.shape.begin(), rank - 1))}};
}

Types infer_backward(const TypesCall& call) {
  const auto& params = call.params.as<RepeatParams>();
  const Shape result(params.sizes);
  const int64_t given = call.shape(0).elements();
  require(call.type(0).dtype == DType::kF32 && result.rank() > 0 &&
              (given == 1 || given == result.rows()),
          "reduce_backward",
          "dy must be one number, or one for each row of " + result.to_string() + ", in f32, got " +
              call.type(0).to_string());
  return {{params.dtype, result}};
}

Values gradient(const GradientCall& call, double factor) {
  const TensorType& x = call.inputs[0].type();
  return apply(contracts::reduce_backward, {call.output_gradients[0]},
               RepeatParams{.sizes = std::vector<int64_t>(x.shape.begin(), x.shape.end()),
                            .factor = factor,
                            .dtype = x.dtype});
}

void reference(const ReferenceCall& call, double factor) {
  const auto width = static_cast<size_t>(terms(call.shape(0), call.params));
  for (size_t i = 0; i < call.in(0).size(); ++i) call.out(0)[i / width] += factor * call.in(0)[i];
}

void reference_backward(const ReferenceCall& call) {
  const size_t repeats = call.out(0).size() / call.in(0).size();
  for (size_t i = 0; i < call.out(0).size(); ++i)
    call.out(0)[i] = call.params.as<RepeatParams>().factor * call.in(0)[i / repeats];
}

Cost cost(const TypesCall& call) {
  return {.flops = static_cast<double>(call.shape(0).elements()),
          .bytes = static_cast<double>(call.type(0).bytes())};
}

Cost cost_backward(const TypesCall& call) {
  const auto& params = call.params.as<RepeatParams>();
  const double elements = static_cast<double>(Shape(params.sizes).elements());
  return {.flops = elements, .bytes = elements * static_cast<double>(size_of(params.dtype))};
}

int64_t workspace(const PrepareCall& call) {
  if (call.types.params.as<ReduceParams>().axis == Axis::kLast) return 0;
  return kernels::sum_all_workspace(call.types.shape(0).elements());
}

std::vector<Sample> samples() {
  return {{{normal({2, 3, 5})}, ReduceParams{Axis::kLast}},
          {{normal({2, 3, 5})}, ReduceParams{Axis::kAll}},
          {{normal({1})}, ReduceParams{Axis::kLast}},
          {{normal({17})}, ReduceParams{Axis::kLast}},
          {{normal({1, 64})}, ReduceParams{Axis::kLast}},
          {{normal({32769})}, ReduceParams{Axis::kAll}}};
}

std::vector<Sample> samples_backward() {
  return {{{normal({2, 3, 4})}, RepeatParams{{2, 3, 4, 5}, 0.2}},
          {{normal({1})}, RepeatParams{{2, 3, 5}, 2.0, DType::kBF16}},
          {{normal({1})}, RepeatParams{{1}}},
          {{normal({1})}, RepeatParams{{32769}}},
          {{normal({70})}, RepeatParams{{70, 17}, 1.0, DType::kBF16}}};
}

std::vector<ErrorSample> error_samples() {
  return {{{integers({2}, 0, 5)}, ReduceParams{}, "must be floating-point"}};
}

std::vector<ErrorSample> error_samples_backward() {
  return {{{normal({4})}, RepeatParams{{2, 3}}, "one for each row of [2, 3]"}};
}

int64_t device_workspace(const PrepareCall& call) {
  return kernels::sum_all_workspace_cuda(call.types.shape(0).elements());
}

void run(const KernelCall& call, double factor) {
  const Shape& x = call.inputs[0].type.shape;
  const float scale = static_cast<float>(factor);
  with_element_type(call.inputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    if (call.params.as<ReduceParams>().axis == Axis::kLast) {
      return start(
          call, [](const auto&... a) { kernels::sum_last(a...); },
          kernels::SumLast<T>{.x_NC = call.in<T>(0),
                              .y_N = call.out<float>(0),
                              .N = x.rows(),
                              .C = x.back(),
                              .scale = scale});
    }
    start(
        call, [](const auto&... a) { kernels::sum_all(a...); },
        kernels::SumAll<T>{.x = call.in<T>(0),
                           .y = call.out<float>(0),
                           .workspace = reinterpret_cast<double*>(call.workspace),
                           .n = x.elements(),
                           .scale = scale});
  });
}

constexpr Slot kPrecision[] = {Slot::kCompute};
constexpr Slot kPrecisionBackward[] = {Slot::kF32};

}  // namespace

constinit const OpContract contracts::sum{
    .name = "sum",
    .summary = "the sum over the last axis or over everything, in f32",
    .min_inputs = 1,
    .max_inputs = 1,
    .infer = infer,
    .gradient = [](const GradientCall& call) { return gradient(call, 1.0); },
    .workspace = workspace,
    .device_workspace = device_workspace,
    .precision = kPrecision,
    .recompute = Recompute::kCheap,
    .reference = [](const ReferenceCall& call) { reference(call, 1.0); },
    .cost = cost,
    .samples = samples,
    .error_samples = error_samples};

constinit const OpContract contracts::mean{
    .name = "mean",
    .summary = "the mean over the last axis or over everything, in f32",
    .min_inputs = 1,
    .max_inputs = 1,
    .infer = infer,
    .gradient =
        [](const GradientCall& call) {
          return gradient(call, mean_factor(call.inputs[0].shape(), call.params));
        },
    .workspace = workspace,
    .device_workspace = device_workspace,
    .precision = kPrecision,
    .recompute = Recompute::kCheap,
    .reference =
        [](const ReferenceCall& call) { reference(call, mean_factor(call.shape(0), call.params)); },
    .cost = cost,
    .samples = samples,
    .error_samples = error_samples};

constinit const OpContract contracts::reduce_backward{
    .name = "reduce_backward",
    .summary = "dx of sum and mean: every number of dy repeated, times a factor",
    .min_inputs = 1,
    .max_inputs = 1,
    .infer = infer_backward,
    .precision = kPrecisionBackward,
    .recompute = Recompute::kCheap,
    .reference = reference_backward,
    .cost = cost_backward,
    .samples = samples_backward,
    .error_samples = error_samples_backward};

void cpu::sum(const KernelCall& call) {
  run(call, 1.0);
}

void cuda::sum(const KernelCall& call) {
  cpu::sum(call);
}

void cpu::mean(const KernelCall& call) {
  run(call, mean_factor(call.inputs[0].type.shape, call.params));
}

void cuda::mean(const KernelCall& call) {
  cpu::mean(call);
}

void cpu::reduce_backward(const KernelCall& call) {
  const int64_t rows = call.inputs[0].type.shape.elements();
  const Shape& result = call.outputs[0].type.shape;
  with_element_type(call.outputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    start(
        call, [](const auto&... a) { kernels::expand_last(a...); },
        kernels::ExpandLast<T>{.g_N = call.in<float>(0),
                               .y_NC = call.out<T>(0),
                               .N = rows,
                               .C = result.elements() / rows,
                               .scale = static_cast<float>(call.params.as<RepeatParams>().factor)});
  });
}

void cuda::reduce_backward(const KernelCall& call) {
  cpu::reduce_backward(call);
}

std::string_view name_of(Axis axis) {
  return axis == Axis::kLast ? "last" : "all";
}

Value sum(Value x, Axis axis) {
  return apply(contracts::sum, {x}, ReduceParams{axis})[0];
}

Value mean(Value x, Axis axis) {
  return apply(contracts::mean, {x}, ReduceParams{axis})[0];
}

}  // namespace weft::ops
