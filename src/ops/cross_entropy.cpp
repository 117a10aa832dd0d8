// The contracts of cross_entropy and its gradient. The gradient visits every row once and finds the
// loss on its way, so that training needs no forward pass of its own, and may write over the
// logits.
#include "weft/ops/cross_entropy.h"

#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/cross_entropy/cross_entropy_cuda.h"
#include "ops/contracts.h"
#include "ops/cross_entropy_math.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;

// Inputs: logits, labels; of the gradient: the loss's gradient, logits, labels.
void check(const TypesCall& call, size_t first) {
  const TensorType& logits = call.type(first);
  require(is_floating(logits.dtype) && logits.shape.rank() > 0 && logits.shape.back() > 0,
          "cross_entropy",
          "logits must be floating-point with at least one class, got " + logits.to_string());
  const TensorType& labels = call.type(first + 1);
  require(labels.dtype == DType::kI32 && labels.shape.elements() == logits.shape.rows(),
          "cross_entropy",
          "labels must be i32, one for each row of the logits " + logits.shape.to_string() +
              ", got " + labels.to_string());
}

Types infer(const TypesCall& call) {
  check(call, 0);
  return {{DType::kF32, {1}}};
}

Types infer_backward(const TypesCall& call) {
  check(call, 1);
  require(call.type(0) == TensorType{DType::kF32, {1}}, "cross_entropy_backward",
          "the loss's gradient must be f32[1]");
  return {call.type(1), {DType::kF32, {1}}};
}

Values gradient(const GradientCall& call) {
  return {apply(contracts::cross_entropy_backward,
                {call.output_gradients[0], call.inputs[0], call.inputs[1]}, call.params)[0],
          Value()};
}

// The sum of all rows' losses; writes the gradient where `gradient` is not null.
double reference_rows(const ReferenceCall& call, size_t first, std::vector<double>* gradient) {
  const auto& params = call.params.as<CrossEntropyParams>();
  const size_t width = static_cast<size_t>(call.shape(first).back());
  const std::span<const double> logits = call.in(first);
  double loss = 0;
  for (size_t row = 0; row < call.in(first + 1).size(); ++row) {
    const auto label = static_cast<int64_t>(call.in(first + 1)[row]);
    std::span<double> out;
    if (gradient != nullptr) out = std::span(*gradient).subspan(row * width, width);
    loss += cross_entropy_row(logits.subspan(row * width, width), label, params,
                              gradient == nullptr ? 0.0 : call.in(0)[0], out);
  }
  return loss;
}

void reference(const ReferenceCall& call) {
  call.out(0)[0] = reference_rows(call, 0, nullptr);
}

void reference_backward(const ReferenceCall& call) {
  call.out(1)[0] = reference_rows(call, 1, &call.out(0));
}

Cost cost(const TypesCall& call) {
  return {.flops = kCrossEntropyFlops * static_cast<double>(call.shape(0).elements()),
          .bytes = static_cast<double>(call.type(0).bytes())};
}

Cost cost_backward(const TypesCall& call) {
  return {.flops = 2 * kCrossEntropyFlops * static_cast<double>(call.shape(1).elements()),
          .bytes = 2.0 * static_cast<double>(call.type(1).bytes())};
}

// The rows' losses, before they are added in order.
int64_t workspace(const PrepareCall& call) {
  const Shape& logits = call.types.shape(call.outputs.size() - 1);
  return logits.rows() * static_cast<int64_t>(sizeof(double));
}

SampleInput labels(Shape shape, int64_t classes) {
  return integers(shape, 0, classes);
}

// With `backward`, the loss's gradient comes first.
std::vector<Sample> samples_of(bool backward) {
  std::vector<Sample> result;
  const auto add = [&](Shape shape, SampleInput label, CrossEntropyParams params) {
    std::vector<SampleInput> in = {normal(shape), std::move(label)};
    if (backward) in.insert(in.begin(), normal({1}));
    result.push_back({in, params});
  };
  add({2, 3, 5}, labels({2, 3}, 5), {});
  add({1, 1}, labels({1}, 1), {});
  add({3, 16}, values({DType::kI32, {3}}, {4, -100, 15}), {});
  add({3, 17}, values({DType::kI32, {3}}, {-1, 16, 0}), {.ignore_index = -1});
  add({9, 65}, labels({9}, 65), {.label_smoothing = 0.1});
  add({4, 15}, labels({4}, 15), {.z_loss = 1e-2});
  add({2, 1023}, labels({2}, 1023), {.label_smoothing = 0.2, .z_loss = 1e-3});
  add({2, 1024}, labels({2}, 1024), {});
  add({2, 1025}, labels({2}, 1025), {.label_smoothing = 0.1});
  return result;
}

std::vector<ErrorSample> error_samples() {
  return {{{normal({2, 3, 5}), integers({2}, 0, 5)},
           CrossEntropyParams{},
           "one for each row of the logits [2, 3, 5], got i32[2]"},
          {{normal({2, 5}), normal({2})}, CrossEntropyParams{}, "labels must be i32"},
          {{integers({2, 5}, 0, 2), integers({2}, 0, 5)},
           CrossEntropyParams{},
           "logits must be floating-point"}};
}

std::vector<ErrorSample> error_samples_backward() {
  return {{{normal({2}), normal({2, 5}), integers({2}, 0, 5)},
           CrossEntropyParams{},
           "the loss's gradient must be f32[1]"}};
}

// `dlogits` is the gradient's output, null in the forward pass.
template <class T>
void run(const KernelCall& call, size_t first, T* dlogits) {
  const Shape& shape = call.inputs[first].type.shape;
  const auto& params = call.params.as<CrossEntropyParams>();
  double* losses = reinterpret_cast<double*>(call.workspace);
  start(
      call, [](const auto&... a) { kernels::cross_entropy_rows(a...); },
      kernels::CrossEntropyRows<T>{.logits_NS = call.in<T>(first),
                                   .labels_N = call.in<int32_t>(first + 1),
                                   .dlogits_NS = dlogits,
                                   .loss_N = losses,
                                   .scale = dlogits == nullptr ? nullptr : call.in<float>(0),
                                   .N = shape.rows(),
                                   .V = shape.back(),
                                   .label_smoothing = static_cast<float>(params.label_smoothing),
                                   .z_loss = static_cast<float>(params.z_loss),
                                   .ignore_index = params.ignore_index});
  float* loss = call.out<float>(dlogits == nullptr ? 0 : 1);
  if (call.device == nullptr) {
    *loss = static_cast<float>(kernels::sum_of_losses(losses, shape.rows()));
    return;
  }
  kernels::sum_of_losses(weft::cuda::Stream{call.device->stream},
                         {.loss_N = losses, .loss = loss, .N = shape.rows()});
}

constexpr Pair kMayAliasBackward[] = {{.input = 1, .output = 0}};
constexpr Pair kSubsumedOutputs[] = {{.input = 0, .output = 1}};
constexpr uint8_t kSubsumedInputs[] = {1, 2};
constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kFixed};
constexpr Slot kPrecisionBackward[] = {Slot::kF32, Slot::kCompute, Slot::kFixed};

}  // namespace

constinit const OpContract contracts::cross_entropy{
    .name = "cross_entropy",
    .summary = "loss = sum over rows of -log softmax(logits)[label]",
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .gradient = gradient,
    .saved_inputs = 0b11,
    .workspace = workspace,
    .device_workspace = workspace,
    .precision = kPrecision,
    .reference = reference,
    .cost = cost,
    .samples = [] { return samples_of(false); },
    .error_samples = error_samples};

constinit const OpContract contracts::cross_entropy_backward{
    .name = "cross_entropy_backward",
    .summary = "dlogits of cross_entropy, and the loss",
    .min_inputs = 3,
    .max_inputs = 3,
    .infer = infer_backward,
    .may_alias = kMayAliasBackward,
    .subsumes = {.forward = &contracts::cross_entropy,
                 .outputs = kSubsumedOutputs,
                 .inputs = kSubsumedInputs},
    .workspace = workspace,
    .device_workspace = workspace,
    .precision = kPrecisionBackward,
    .reference = reference_backward,
    .cost = cost_backward,
    .samples = [] { return samples_of(true); },
    .error_samples = error_samples_backward};

void cpu::cross_entropy(const KernelCall& call) {
  with_element_type(call.inputs[0].type.dtype,
                    [&](auto element) { run<decltype(element)>(call, 0, nullptr); });
}

void cuda::cross_entropy(const KernelCall& call) {
  cpu::cross_entropy(call);
}

void cpu::cross_entropy_backward(const KernelCall& call) {
  with_element_type(call.inputs[1].type.dtype, [&](auto element) {
    using T = decltype(element);
    run<T>(call, 1, call.out<T>(0));
  });
}

void cuda::cross_entropy_backward(const KernelCall& call) {
  cpu::cross_entropy_backward(call);
}

Value cross_entropy(Value logits, Value labels, const CrossEntropyParams& params) {
  return apply(contracts::cross_entropy, {logits, labels}, params)[0];
}

}  // namespace weft::ops
