// The contracts of linear_cross_entropy and its gradient. The gradient makes the logits again,
// chunk by chunk, and finds the loss on its way: training runs it alone.
#include "weft/ops/linear_cross_entropy.h"

#include "kernels/cross_entropy/chunked_head.h"
#include "ops/contracts.h"
#include "ops/cross_entropy_math.h"
#include "ops/device_head.h"
#include "ops/gemm_state.h"
#include "ops/kernel_call.h"
#include "weft/ops/cross_entropy.h"
#include "weft/ops/linear.h"

namespace weft::ops {
namespace {

using namespace graph;
using kernels::ChunkedHead;
using kernels::ChunkedHeadSpec;

constexpr std::string_view kName = "linear_cross_entropy";

// Where x stands among the inputs; the weight and the labels follow it.
constexpr size_t kForwardX = 0, kBackwardX = 1;
enum BackwardOperand : uint8_t { kLossGradient = 0, kBuffer = 4, kFlag = 5 };
enum BackwardResult : uint8_t { kInputGradient, kLoss, kWeightGradient };

struct BackwardParams {
  CrossEntropyParams loss = {};
  bool weight = true;  // also the weight's gradient

  void visit(auto&& v) {
    loss.visit(v);
    v("weight", weight);
  }
};

void check(const TypesCall& call, size_t first) {
  const TensorType &x = call.type(first), &weight = call.type(first + 1),
                   &labels = call.type(first + 2);
  require(x.dtype == weight.dtype && (x.dtype == DType::kF32 || x.dtype == DType::kBF16), kName,
          "x and weight must both be f32 or both bf16, got " + x.to_string() + " and " +
              weight.to_string());
  require(x.shape.rank() >= 1 && weight.shape.rank() == 2 && x.shape.elements() > 0 &&
              weight.shape.elements() > 0 && x.shape.back() == weight.shape[1],
          kName,
          "x must be [..., C] and the weight [V, C], got " + x.to_string() + " and " +
              weight.to_string());
  require(labels.dtype == DType::kI32 && labels.shape.elements() == x.shape.rows(), kName,
          "labels must be i32, one for each row of x " + x.shape.to_string() + ", got " +
              labels.to_string());
}

Types infer(const TypesCall& call) {
  check(call, kForwardX);
  return {{DType::kF32, {1}}};
}

Types infer_backward(const TypesCall& call) {
  check(call, kBackwardX);
  require(call.type(kLossGradient) == TensorType{DType::kF32, {1}}, "linear_cross_entropy_backward",
          "the loss's gradient must be f32[1]");
  const Shape& weight = call.shape(kBackwardX + 1);
  check_accumulation(call, kBuffer, weight, "linear_cross_entropy_backward");
  Types results = {call.type(kBackwardX), {DType::kF32, {1}}};
  if (call.params.as<BackwardParams>().weight) results.push_back({DType::kF32, weight});
  return results;
}

Values gradient(const GradientCall& call) {
  const BackwardParams params{call.params.as<CrossEntropyParams>(), call.wants(1)};
  const Values results =
      apply(contracts::linear_cross_entropy_backward,
            {call.output_gradients[0], call.inputs[0], call.inputs[1], call.inputs[2]}, params);
  return {results[kInputGradient], params.weight ? results[kWeightGradient] : Value(), Value()};
}

// ---- References --------------------------------------------------------------------------------

// One row's logits.
std::vector<double> logits_of(const ReferenceCall& call, size_t first, size_t row) {
  const auto &x = call.in(first), &weight = call.in(first + 1);
  const size_t C = static_cast<size_t>(call.shape(first).back()), V = weight.size() / C;
  std::vector<double> logits(V, 0.0);
  for (size_t v = 0; v < V; ++v)
    for (size_t c = 0; c < C; ++c) logits[v] += x[row * C + c] * weight[v * C + c];
  return logits;
}

void reference(const ReferenceCall& call) {
  const auto& labels = call.in(kForwardX + 2);
  for (size_t row = 0; row < labels.size(); ++row)
    call.out(0)[0] +=
        cross_entropy_row(logits_of(call, kForwardX, row), static_cast<int64_t>(labels[row]),
                          call.params.as<CrossEntropyParams>(), 0.0, {});
}

void reference_backward(const ReferenceCall& call) {
  const BackwardParams& params = call.params.as<BackwardParams>();
  const auto &x = call.in(kBackwardX), &weight = call.in(kBackwardX + 1);
  const auto& labels = call.in(kBackwardX + 2);
  const size_t C = static_cast<size_t>(call.shape(kBackwardX).back()), V = weight.size() / C;
  for (size_t i = 0; params.weight && i < weight.size(); ++i)
    call.out(kWeightGradient)[i] = accumulated(call, kBuffer, kFlag, i);
  std::vector<double> dlogits(V);
  for (size_t row = 0; row < labels.size(); ++row) {
    call.out(kLoss)[0] +=
        cross_entropy_row(logits_of(call, kBackwardX, row), static_cast<int64_t>(labels[row]),
                          params.loss, call.in(kLossGradient)[0], dlogits);
    for (size_t v = 0; v < V; ++v)
      for (size_t c = 0; c < C; ++c) {
        call.out(kInputGradient)[row * C + c] += dlogits[v] * weight[v * C + c];
        if (params.weight) call.out(kWeightGradient)[v * C + c] += dlogits[v] * x[row * C + c];
      }
  }
}

Values fallback(std::span<const Value> in, const Params& params) {
  return {cross_entropy(linear(in[0], in[1]), in[2], params.as<CrossEntropyParams>())};
}

// ---- Costs and preparation ---------------------------------------------------------------------

Cost cost_of(const TypesCall& call, size_t first, double products, double bytes) {
  const double rows = static_cast<double>(call.shape(first).rows());
  const double weight = static_cast<double>(call.shape(first + 1).elements());
  const double logits = rows * static_cast<double>(call.shape(first + 1)[0]);
  return {.flops = 2 * products * rows * weight + kCrossEntropyFlops * logits, .bytes = bytes};
}

Cost cost(const TypesCall& call) {
  return cost_of(call, kForwardX, 1,
                 static_cast<double>(call.type(0).bytes() + call.type(1).bytes()));
}

Cost cost_backward(const TypesCall& call) {
  const bool weight = call.params.as<BackwardParams>().weight;
  const int64_t x = call.type(kBackwardX).bytes(), w = call.type(kBackwardX + 1).bytes();
  const int64_t gradient = weight ? 4 * call.shape(kBackwardX + 1).elements() : 0;
  return cost_of(call, kBackwardX, weight ? 3 : 2, static_cast<double>(2 * x + w + gradient));
}

ChunkedHeadSpec spec_of(const TypesCall& call, size_t first) {
  return {.N = call.shape(first).rows(),
          .C = call.shape(first).back(),
          .V = call.shape(first + 1)[0],
          .dtype = call.type(first).dtype};
}

ChunkedHeadSpec spec_of_backward(const TypesCall& call) {
  ChunkedHeadSpec spec = spec_of(call, kBackwardX);
  spec.input_gradient = true;
  spec.weight_gradient = call.params.as<BackwardParams>().weight;
  return spec;
}

struct HeadState final : KernelState {
  HeadState(const ChunkedHeadSpec& spec, int threads) : head(spec, threads) {}
  ChunkedHead head;
};

std::unique_ptr<KernelState> prepare(const PrepareCall& call) {
  return std::make_unique<HeadState>(spec_of(call.types, kForwardX), call.threads);
}

std::unique_ptr<KernelState> prepare_backward(const PrepareCall& call) {
  return std::make_unique<HeadState>(spec_of_backward(call.types), call.threads);
}

int64_t workspace(const PrepareCall& call) {
  return static_cast<int64_t>(
      ChunkedHead::workspace_bytes(spec_of(call.types, kForwardX), call.threads));
}

int64_t workspace_backward(const PrepareCall& call) {
  return static_cast<int64_t>(
      ChunkedHead::workspace_bytes(spec_of_backward(call.types), call.threads));
}

// ---- Samples -----------------------------------------------------------------------------------

struct Form {
  Shape rows;
  int64_t C, V;
  CrossEntropyParams params = {};
};

// Both sides of a tile and of a chunk: at most 1,024 rows are one.
std::vector<Form> forms() {
  return {{{2, 3}, 5, 7},
          {{1}, 1, 1},
          {{4}, 8, 31, {.label_smoothing = 0.1}},
          {{5}, 8, 32, {.z_loss = 1e-2}},
          {{9}, 33, 257, {.label_smoothing = 0.2, .z_loss = 1e-3}},
          {{1023}, 2, 3},
          {{1024}, 2, 3},
          {{1025}, 3, 2}};
}

// Labels of which the first is ignored, where there are more.
SampleInput labels_of(const Form& form) {
  std::vector<double> labels;
  for (int64_t n = 0; n < form.rows.elements(); ++n)
    labels.push_back(n == 0 && form.rows.elements() > 1 ? -100.0
                                                        : static_cast<double>(n * 5 % form.V));
  return values({DType::kI32, form.rows}, std::move(labels));
}

std::vector<SampleInput> operands_of(const Form& form) {
  std::vector<int64_t> x(form.rows.begin(), form.rows.end());
  x.push_back(form.C);
  return {normal(Shape(x)), normal({form.V, form.C}), labels_of(form)};
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  for (const Form& form : forms()) result.push_back({operands_of(form), form.params});
  return result;
}

std::vector<Sample> samples_backward() {
  std::vector<Sample> result;
  for (const Form& form : forms()) {
    for (const bool weight : {true, false}) {
      std::vector<SampleInput> inputs = operands_of(form);
      inputs.insert(inputs.begin(), normal({1}));
      result.push_back({inputs, BackwardParams{form.params, weight}});
      if (!weight) continue;
      inputs.push_back(normal({form.V, form.C}));
      result.push_back({inputs, BackwardParams{form.params, true}});
      inputs.push_back(values({DType::kF32, {1}}, {0}));
      result.push_back({inputs, BackwardParams{form.params, true}});
    }
  }
  return result;
}

std::vector<ErrorSample> error_samples() {
  const CrossEntropyParams p;
  return {
      {{normal({2, 3}), normal({4, 5}), integers({2}, 0, 4)}, p, "and the weight [V, C]"},
      {{normal({2, 3}), normal({4, 3}), integers({3}, 0, 4)}, p, "one for each row of x [2, 3]"},
      {{normal({2, 3}), integers({4, 3}, 0, 2), integers({2}, 0, 4)},
       p,
       "both be f32 or both bf16"}};
}

std::vector<ErrorSample> error_samples_backward() {
  const BackwardParams p;
  const SampleInput labels = integers({2}, 0, 4);
  return {{{normal({2}), normal({2, 3}), normal({4, 3}), labels}, p, "gradient must be f32[1]"},
          {{normal({1}), normal({2, 3}), normal({4, 3}), labels, normal({3, 4})},
           p,
           "accumulate into must be f32[4, 3]"}};
}

kernels::ChunkedHeadArgs arguments(const KernelCall& call, size_t first,
                                   const CrossEntropyParams& params) {
  return {.x_NC = call.inputs[first].data,
          .weight_VC = call.inputs[first + 1].data,
          .labels_N = call.in<int32_t>(first + 2),
          .label_smoothing = static_cast<float>(params.label_smoothing),
          .z_loss = static_cast<float>(params.z_loss),
          .ignore_index = params.ignore_index};
}

constexpr Accumulation kAccumulates[] = {
    {.output = kWeightGradient, .into = kBuffer, .flag = kFlag}};
constexpr Pair kSubsumedOutputs[] = {{.input = 0, .output = kLoss}};
constexpr uint8_t kSubsumedInputs[] = {1, 2, 3};
constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kCompute, Slot::kFixed};
constexpr Slot kPrecisionBackward[] = {Slot::kF32, Slot::kCompute, Slot::kCompute, Slot::kFixed};

}  // namespace

constinit const OpContract contracts::linear_cross_entropy{
    .name = "linear_cross_entropy",
    .summary = "loss = cross_entropy(x W^T, labels), in chunks of rows",
    .min_inputs = 3,
    .max_inputs = 3,
    .infer = infer,
    .gradient = gradient,
    .saved_inputs = 0b111,
    .prepare = prepare,
    .workspace = workspace,
    .device_workspace =
        [](const PrepareCall& call) {
          return DeviceHead::workspace(spec_of(call.types, kForwardX));
        },
    .precision = kPrecision,
    .reference = reference,
    .fallback = fallback,
    .cost = cost,
    .samples = samples,
    .error_samples = error_samples};

constinit const OpContract contracts::linear_cross_entropy_backward{
    .name = "linear_cross_entropy_backward",
    .summary = "dx, the loss and dW of linear_cross_entropy in one pass over chunks of rows",
    .min_inputs = 4,
    .max_inputs = 6,
    .infer = infer_backward,
    .accumulates = kAccumulates,
    .subsumes = {.forward = &contracts::linear_cross_entropy,
                 .outputs = kSubsumedOutputs,
                 .inputs = kSubsumedInputs},
    .prepare = prepare_backward,
    .workspace = workspace_backward,
    .device_workspace =
        [](const PrepareCall& call) { return DeviceHead::workspace(spec_of_backward(call.types)); },
    .precision = kPrecisionBackward,
    .reference = reference_backward,
    .cost = cost_backward,
    .samples = samples_backward,
    .error_samples = error_samples_backward};

void cpu::linear_cross_entropy(const KernelCall& call) {
  kernels::ChunkedHeadArgs args = arguments(call, kForwardX, call.params.as<CrossEntropyParams>());
  args.loss = call.out<float>(0);
  static_cast<const HeadState*>(call.state)->head.run(args, call.workspace, call.parallel);
}

void cpu::linear_cross_entropy_backward(const KernelCall& call) {
  const BackwardParams& params = call.params.as<BackwardParams>();
  kernels::ChunkedHeadArgs args = arguments(call, kBackwardX, params.loss);
  args.loss = call.out<float>(kLoss);
  args.scale = call.in<float>(kLossGradient);
  args.dx_NC = call.outputs[kInputGradient].data;
  if (params.weight) args.dweight_VC = call.out<float>(kWeightGradient);
  const float* flag = accumulate_flag(call, kBuffer, kFlag);
  args.accumulate = flag != nullptr && *flag != 0.0f;
  static_cast<const HeadState*>(call.state)->head.run(args, call.workspace, call.parallel);
}

void cuda::linear_cross_entropy(const KernelCall& call) {
  kernels::ChunkedHeadArgs args = arguments(call, kForwardX, call.params.as<CrossEntropyParams>());
  args.loss = call.out<float>(0);
  DeviceHead(call, spec_of(OperandTypes(call).call(), kForwardX), args).run(nullptr);
}

void cuda::linear_cross_entropy_backward(const KernelCall& call) {
  const BackwardParams& params = call.params.as<BackwardParams>();
  kernels::ChunkedHeadArgs args = arguments(call, kBackwardX, params.loss);
  args.loss = call.out<float>(kLoss);
  args.scale = call.in<float>(kLossGradient);
  args.dx_NC = call.outputs[kInputGradient].data;
  if (params.weight) args.dweight_VC = call.out<float>(kWeightGradient);
  DeviceHead(call, spec_of_backward(OperandTypes(call).call()), args)
      .run(accumulate_flag(call, kBuffer, kFlag));
}

Value linear_cross_entropy(Value x, Value weight, Value labels, const CrossEntropyParams& params) {
  return apply(contracts::linear_cross_entropy, {x, weight, labels}, params)[0];
}

}  // namespace weft::ops
