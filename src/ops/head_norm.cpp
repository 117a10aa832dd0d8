// The contracts of head_norm and its gradient: rms_norm over each query and key head.
#include "weft/ops/head_norm.h"

#include <cmath>

#include "kernels/norm/norm_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;

enum Input : size_t { kQkv, kQScale, kKScale };
enum BackwardInput : size_t { kDy, kX, kRstd, kQGain, kKGain, kDqInto, kDqFlag, kDkInto, kDkFlag };

// Sizes of packed rows, in elements and heads.
struct Heads {
  size_t rows, queries, keys, width;
  size_t normed() const { return queries + keys; }
  size_t row() const { return (queries + 2 * keys) * width; }
};

Heads heads_of(const Shape& qkv, const Params& params) {
  const auto& p = params.as<HeadNormParams>();
  return {static_cast<size_t>(qkv.rows()), static_cast<size_t>(p.heads),
          static_cast<size_t>(p.kv_heads), static_cast<size_t>(p.head_dim)};
}

void check(bool condition, const std::string& message) {
  require(condition, "head_norm", message);
}

TensorType statistics(const TypesCall& call, size_t qkv) {
  const Heads h = heads_of(call.shape(qkv), call.params);
  return {DType::kF32, {static_cast<int64_t>(h.rows), static_cast<int64_t>(h.normed())}};
}

void check_operands(const TypesCall& call, size_t qkv, size_t scale) {
  const TensorType& x = call.type(qkv);
  const auto& p = call.params.as<HeadNormParams>();
  const int64_t width = (p.heads + 2 * p.kv_heads) * p.head_dim;
  check(is_floating(x.dtype) && x.shape.rank() > 0 && x.shape.back() == width,
        "the last size of qkv must be (heads + 2 kv_heads) head_dim = " + std::to_string(width) +
            ", got " + x.to_string());
  for (const size_t i : {scale, scale + 1}) {
    check(
        call.type(i) == TensorType{DType::kF32, {p.head_dim}},
        "scales must be f32[" + std::to_string(p.head_dim) + "], got " + call.type(i).to_string());
  }
}

Types infer(const TypesCall& call) {
  check_operands(call, kQkv, kQScale);
  return {call.type(kQkv), statistics(call, kQkv)};
}

Types infer_backward(const TypesCall& call) {
  check_operands(call, kX, kQGain);
  check(call.type(kDy) == call.type(kX), "dy must be like qkv, " + call.type(kX).to_string());
  check(call.type(kRstd) == statistics(call, kX),
        "rstd must be " + statistics(call, kX).to_string());
  const TensorType& scale = call.type(kQGain);
  check_accumulation(call, kDqInto, scale.shape, "head_norm_backward");
  check_accumulation(call, kDkInto, scale.shape, "head_norm_backward");
  return {call.type(kX), scale, scale};
}

Values gradient(const GradientCall& call) {
  return apply(contracts::head_norm_backward,
               {call.output_gradients[0], call.inputs[kQkv], call.outputs[1], call.inputs[kQScale],
                call.inputs[kKScale]},
               call.params);
}

void reference(const ReferenceCall& call) {
  const Heads h = heads_of(call.shape(kQkv), call.params);
  const double eps = call.params.as<HeadNormParams>().eps;
  call.out(0) = call.in(kQkv);
  for (size_t group = 0; group < h.rows * h.normed(); ++group) {
    const size_t head = group % h.normed();
    const size_t start = group / h.normed() * h.row() + head * h.width;
    const auto& scale = call.in(head < h.queries ? kQScale : kKScale);
    double squares = 0;
    for (size_t i = 0; i < h.width; ++i) squares += std::pow(call.in(kQkv)[start + i], 2);
    const double rstd = 1 / std::sqrt(squares / static_cast<double>(h.width) + eps);
    for (size_t i = 0; i < h.width; ++i) call.out(0)[start + i] *= rstd * scale[i];
    call.out(1)[group] = rstd;
  }
}

void reference_backward_head(const ReferenceCall& call, const Heads& h, size_t group) {
  const size_t head = group % h.normed();
  const size_t start = group / h.normed() * h.row() + head * h.width;
  const bool query = head < h.queries;
  const auto& scale = call.in(query ? kQGain : kKGain);
  const double rstd = call.in(kRstd)[group];
  double sum = 0;
  for (size_t i = 0; i < h.width; ++i) {
    const double normed = call.in(kX)[start + i] * rstd, dy = call.in(kDy)[start + i];
    sum += dy * scale[i] * normed / static_cast<double>(h.width);
    call.out(query ? 1 : 2)[i] += dy * normed;
  }
  for (size_t i = 0; i < h.width; ++i) {
    const double normed = call.in(kX)[start + i] * rstd;
    call.out(0)[start + i] = rstd * (call.in(kDy)[start + i] * scale[i] - normed * sum);
  }
}

void reference_backward(const ReferenceCall& call) {
  const Heads h = heads_of(call.shape(kX), call.params);
  call.out(0) = call.in(kDy);
  for (size_t i = 0; i < h.width; ++i) {
    call.out(1)[i] = accumulated(call, kDqInto, kDqFlag, i);
    call.out(2)[i] = accumulated(call, kDkInto, kDkFlag, i);
  }
  for (size_t group = 0; group < h.rows * h.normed(); ++group) {
    reference_backward_head(call, h, group);
  }
}

Cost cost(const TypesCall& call) {
  return {.flops = 6.0 * static_cast<double>(call.shape(0).elements()),
          .bytes = 2.0 * static_cast<double>(call.type(0).bytes())};
}

Cost cost_backward(const TypesCall& call) {
  return {.flops = 14.0 * static_cast<double>(call.shape(0).elements()),
          .bytes = 3.0 * static_cast<double>(call.type(0).bytes())};
}

int64_t workspace_backward(const PrepareCall& call) {
  return kernels::head_norm_backward_workspace(call.types.shape(kX).rows(),
                                               call.types.params.as<HeadNormParams>().head_dim);
}

int64_t device_workspace_backward(const PrepareCall& call) {
  return kernels::head_norm_backward_workspace_cuda(
      call.types.shape(kX).rows(), call.types.params.as<HeadNormParams>().head_dim);
}

struct SampleShape {
  Shape leading;
  HeadNormParams params;
  double flag = -1;  // of the buffers for the scales' gradients; -1: no buffers
};

std::vector<SampleShape> sample_shapes() {
  return {{{2, 3}, {.heads = 4, .kv_heads = 2, .head_dim = 5}, 1},
          {{1}, {.heads = 1, .kv_heads = 1, .head_dim = 1, .eps = 1e-3}},
          {{17}, {.heads = 3, .kv_heads = 1, .head_dim = 16}, 0},
          {{5}, {.heads = 2, .kv_heads = 2, .head_dim = 15}},
          {{70}, {.heads = 2, .kv_heads = 1, .head_dim = 17}}};
}

Shape qkv_shape(const SampleShape& s) {
  std::vector<int64_t> sizes(s.leading.begin(), s.leading.end());
  sizes.push_back((s.params.heads + 2 * s.params.kv_heads) * s.params.head_dim);
  return Shape(sizes);
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  for (const SampleShape& s : sample_shapes()) {
    const SampleInput scale = normal({s.params.head_dim});
    result.push_back({{normal(qkv_shape(s)), scale, scale}, s.params});
  }
  return result;
}

std::vector<Sample> samples_backward() {
  std::vector<Sample> result;
  for (const SampleShape& s : sample_shapes()) {
    const Shape qkv = qkv_shape(s);
    const SampleInput scale = normal({s.params.head_dim});
    const int64_t normed = s.params.heads + s.params.kv_heads;
    Sample sample{{normal(qkv), normal(qkv), positive({qkv.rows(), normed}), scale, scale},
                  s.params};
    for (int buffer = 0; s.flag >= 0 && buffer < 2; ++buffer) {
      sample.inputs.push_back(scale);
      sample.inputs.push_back(values({DType::kF32, {1}}, {s.flag}));
    }
    result.push_back(std::move(sample));
  }
  return result;
}

std::vector<ErrorSample> error_samples() {
  const HeadNormParams params{.heads = 2, .kv_heads = 1, .head_dim = 4};
  return {{{normal({2, 12}), normal({4}), normal({4})}, params, "head_dim = 16, got f32[2, 12]"},
          {{normal({2, 16}), normal({4}), normal({3})}, params, "must be f32[4], got f32[3]"}};
}

std::vector<ErrorSample> error_samples_backward() {
  return {{{normal({2, 16}), normal({2, 16}), positive({2, 4}), normal({4}), normal({4})},
           HeadNormParams{.heads = 2, .kv_heads = 1, .head_dim = 4},
           "rstd must be f32[2, 3]"}};
}

constexpr Pair kMayAlias[] = {{.input = 0, .output = 0}};
constexpr Accumulation kAccumulates[] = {{.output = 1, .into = kDqInto, .flag = kDqFlag},
                                         {.output = 2, .into = kDkInto, .flag = kDkFlag}};
constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kF32};
constexpr Slot kPrecisionBackward[] = {Slot::kCompute, Slot::kCompute, Slot::kF32,
                                       Slot::kF32,     Slot::kF32,     Slot::kFixed};

}  // namespace

constinit const OpContract contracts::head_norm{
    .name = "head_norm",
    .summary = "rms_norm over each query and key head of rows [queries | keys | values]",
    .min_inputs = 3,
    .max_inputs = 3,
    .infer = infer,
    .gradient = gradient,
    .saved_inputs = 0b111,
    .saved_outputs = 0b10,
    .statistics = 0b10,
    .may_alias = kMayAlias,
    .precision = kPrecision,
    .recompute = Recompute::kCheap,
    .reference = reference,
    .cost = cost,
    .samples = samples,
    .error_samples = error_samples};

constinit const OpContract contracts::head_norm_backward{
    .name = "head_norm_backward",
    .summary = "dqkv, dq_scale, dk_scale of head_norm",
    .min_inputs = 5,
    .max_inputs = 9,
    .infer = infer_backward,
    .may_alias = kMayAlias,
    .accumulates = kAccumulates,
    .workspace = workspace_backward,
    .device_workspace = device_workspace_backward,
    .precision = kPrecisionBackward,
    .reference = reference_backward,
    .cost = cost_backward,
    .samples = samples_backward,
    .error_samples = error_samples_backward};

void cpu::head_norm(const KernelCall& call) {
  const auto& p = call.params.as<HeadNormParams>();
  with_element_type(call.inputs[kQkv].type.dtype, [&](auto element) {
    using T = decltype(element);
    const kernels::HeadNormForward<T> args{.qkv_NW = call.in<T>(kQkv),
                                           .q_scale_D = call.in<float>(kQScale),
                                           .k_scale_D = call.in<float>(kKScale),
                                           .out_NW = call.out<T>(0),
                                           .rstd_NG = call.out<float>(1),
                                           .N = call.inputs[kQkv].type.shape.rows(),
                                           .H = p.heads,
                                           .K = p.kv_heads,
                                           .D = p.head_dim,
                                           .eps = static_cast<float>(p.eps)};
    start(
        call, [](const auto&... a) { kernels::head_norm_forward(a...); }, args);
  });
}

void cpu::head_norm_backward(const KernelCall& call) {
  const auto& p = call.params.as<HeadNormParams>();
  with_element_type(call.inputs[kX].type.dtype, [&](auto element) {
    using T = decltype(element);
    const kernels::HeadNormBackward<T> args{
        .dout_NW = call.in<T>(kDy),
        .qkv_NW = call.in<T>(kX),
        .q_scale_D = call.in<float>(kQGain),
        .k_scale_D = call.in<float>(kKGain),
        .rstd_NG = call.in<float>(kRstd),
        .dqkv_NW = call.out<T>(0),
        .dq_scale_D = call.out<float>(1),
        .dk_scale_D = call.out<float>(2),
        .accumulate_dq_scale = accumulate_flag(call, kDqInto, kDqFlag),
        .accumulate_dk_scale = accumulate_flag(call, kDkInto, kDkFlag),
        .workspace = reinterpret_cast<float*>(call.workspace),
        .N = call.inputs[kX].type.shape.rows(),
        .H = p.heads,
        .K = p.kv_heads,
        .D = p.head_dim};
    start(
        call, [](const auto&... a) { kernels::head_norm_backward(a...); }, args);
  });
}

void cuda::head_norm(const KernelCall& call) {
  cpu::head_norm(call);
}

void cuda::head_norm_backward(const KernelCall& call) {
  cpu::head_norm_backward(call);
}

Value head_norm(Value qkv, Value q_scale, Value k_scale, const HeadNormParams& params) {
  return apply(contracts::head_norm, {qkv, q_scale, k_scale}, params)[0];
}

}  // namespace weft::ops
