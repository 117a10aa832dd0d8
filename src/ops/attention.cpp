// The contracts of attention and of its gradient. The forward pass keeps its result and the
// log-sum-exp of every query; probabilities are made again from these, block by block.
#include "weft/ops/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/attention/attention_cuda.h"
#include "ops/attention_common.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"
#include "ops/random_state.h"
#include "ops/vendor_attention.h"

namespace weft::ops {
namespace {

using namespace graph;
using kernels::AttentionShape;

enum Operand : uint8_t { kQkv, kKeyRange, kRng };
enum BackwardOperand : uint8_t { kOut = 1, kLse, kDout, kBackwardKeyRange, kBackwardRng };

const AttentionParams& params_of(const Params& params) {
  return params.as<AttentionParams>();
}

void check_rng(const TypesCall& call, size_t rng) {
  require(params_of(call.params).dropout == 0.0 ||
              (call.has(rng) && call.type(rng) == TensorType{DType::kI64, {3}}),
          "attention", "dropout needs rng, i64[3]");
}

Types infer(const TypesCall& call) {
  const AttentionParams& p = params_of(call.params);
  check_attention("attention", call, kKeyRange);
  check_rng(call, kRng);
  const Shape& qkv = call.shape(kQkv);
  return {{call.type(kQkv).dtype, qkv.with_back(query_width(p))},
          {DType::kF32, {qkv[0], p.heads, qkv[1]}}};
}

Types infer_backward(const TypesCall& call) {
  const AttentionParams& p = params_of(call.params);
  check_attention("attention_backward", call, kBackwardKeyRange);
  check_rng(call, kBackwardRng);
  const Shape& qkv = call.shape(kQkv);
  const TensorType out{call.type(kQkv).dtype, qkv.with_back(query_width(p))};
  require(call.type(kOut) == out && call.type(kDout) == out, "attention_backward",
          "out and its gradient must be " + out.to_string());
  require(call.type(kLse) == TensorType{DType::kF32, {qkv[0], p.heads, qkv[1]}},
          "attention_backward", "the log-sum-exp must be f32 [B, H, T]");
  return {call.type(kQkv)};
}

Values gradient(const GradientCall& call) {
  std::vector<Value> inputs = {call.inputs[kQkv], call.outputs[0], call.outputs[1],
                               call.output_gradients[0]};
  for (size_t i = kKeyRange; i < call.inputs.size(); ++i) inputs.push_back(call.inputs[i]);
  Values result(call.inputs.size());
  if (call.wants(kQkv)) {
    result[kQkv] = apply(contracts::attention_backward, inputs, params_of(call.params))[0];
  }
  return result;
}

// ---- References --------------------------------------------------------------------------------

AttentionReference reference_of(const ReferenceCall& call, size_t key_range, size_t rng) {
  const AttentionParams& p = params_of(call.params);
  AttentionReference reference{p, self_attention_shape(call.shape(kQkv), p)};
  if (call.has(key_range)) reference.range = &call.in(key_range);
  if (p.dropout > 0.0) {
    const RandomState state = random_state(call, rng, p.dropout_key);
    reference.dropout = {static_cast<float>(p.dropout), state.key, state.first_sample};
  }
  return reference;
}

// Where heads begin in the packed row, and in the result.
struct Places {
  const AttentionParams& p;
  int64_t T;

  size_t query(int64_t b, int64_t t, int64_t head) const {
    return static_cast<size_t>((b * T + t) * packed_width(p) + head * p.head_dim);
  }
  size_t key(int64_t b, int64_t t, int64_t head) const {
    return query(b, t, p.heads + head / (p.heads / p.kv_heads));
  }
  size_t value(int64_t b, int64_t t, int64_t head) const {
    return key(b, t, head) + static_cast<size_t>(p.kv_heads * p.head_dim);
  }
  size_t out(int64_t b, int64_t t, int64_t head) const {
    return static_cast<size_t>((b * T + t) * query_width(p) + head * p.head_dim);
  }
};

double dot(const double* a, const double* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

template <class Body>
void for_each_query(const AttentionShape& s, const Body& body) {
  for (int64_t b = 0; b < s.B; ++b)
    for (int64_t head = 0; head < s.H; ++head)
      for (int64_t t = 0; t < s.T; ++t) body(b, head, t);
}

void reference(const ReferenceCall& call) {
  const AttentionReference a = reference_of(call, kKeyRange, kRng);
  const AttentionShape& s = a.shape;
  const Places at{a.params, s.T};
  const double* qkv = call.in(kQkv).data();
  const double scale = attention_scale(a.params);
  for_each_query(s, [&](int64_t b, int64_t head, int64_t t) {
    std::vector<double> p(static_cast<size_t>(s.S), 0.0);
    double largest = -std::numeric_limits<double>::infinity(), total = 0;
    for (int64_t j = 0; j < s.S; ++j) {
      if (!a.sees(b, t, j)) continue;
      double& score = p[static_cast<size_t>(j)];
      score = scale * dot(qkv + at.query(b, t, head), qkv + at.key(b, j, head), s.D);
      largest = std::fmax(largest, score);
    }
    for (int64_t j = 0; j < s.S; ++j)
      if (a.sees(b, t, j)) total += std::exp(p[static_cast<size_t>(j)] - largest);
    const double lse = largest + std::log(total);
    call.out(1)[static_cast<size_t>((b * s.H + head) * s.T + t)] = lse;
    for (int64_t j = 0; j < s.S; ++j) {
      if (!a.sees(b, t, j)) continue;
      const double weight = std::exp(p[static_cast<size_t>(j)] - lse) * a.factor(b, head, t, j);
      for (int64_t d = 0; d < s.D; ++d)
        call.out(0)[at.out(b, t, head) + static_cast<size_t>(d)] +=
            weight * qkv[at.value(b, j, head) + static_cast<size_t>(d)];
    }
  });
}

void reference_backward(const ReferenceCall& call) {
  const AttentionReference a = reference_of(call, kBackwardKeyRange, kBackwardRng);
  const AttentionShape& s = a.shape;
  const Places at{a.params, s.T};
  const double *qkv = call.in(kQkv).data(), *dout = call.in(kDout).data();
  const double scale = attention_scale(a.params);
  double* dqkv = call.out(0).data();
  for_each_query(s, [&](int64_t b, int64_t head, int64_t t) {
    const size_t q = at.query(b, t, head), o = at.out(b, t, head);
    const double delta = dot(dout + o, call.in(kOut).data() + o, s.D);
    const double lse = call.in(kLse)[static_cast<size_t>((b * s.H + head) * s.T + t)];
    for (int64_t j = 0; j < s.S; ++j) {
      if (!a.sees(b, t, j)) continue;
      const size_t k = at.key(b, j, head), v = at.value(b, j, head);
      const double p = std::exp(scale * dot(qkv + q, qkv + k, s.D) - lse);
      const double factor = a.factor(b, head, t, j);
      const double ds = scale * p * (factor * dot(dout + o, qkv + v, s.D) - delta);
      for (size_t d = 0; d < static_cast<size_t>(s.D); ++d) {
        dqkv[v + d] += p * factor * dout[o + d];
        dqkv[q + d] += ds * qkv[k + d];
        dqkv[k + d] += ds * qkv[q + d];
      }
    }
  });
}

// ---- Costs and workspaces ----------------------------------------------------------------------

// Pairs of a query and a key that the static mask lets see each other, for all heads. What
// key_range hides is not known before the step.
double visible_pairs(const AttentionShape& s, const AttentionParams& p) {
  double pairs = 0;
  for (int64_t t = 0; t < s.T; ++t) {
    const int64_t before = p.causal ? t + 1 : s.S;
    pairs += static_cast<double>(p.window > 0 ? std::min(p.window, before) : before);
  }
  return pairs * static_cast<double>(s.B * s.H);
}

// `products`: how many times 2 D operations a pair costs.
Cost cost_of(const TypesCall& call, double products, double bytes) {
  const AttentionParams& p = params_of(call.params);
  const double pairs = visible_pairs(self_attention_shape(call.shape(kQkv), p), p);
  return {.flops = products * 2.0 * static_cast<double>(p.head_dim) * pairs, .bytes = bytes};
}

Cost cost(const TypesCall& call) {
  const AttentionParams& p = params_of(call.params);
  const double row = static_cast<double>(packed_width(p) + query_width(p));
  return cost_of(
      call, 2.0,
      row * static_cast<double>(call.shape(kQkv).rows() * size_of(call.type(kQkv).dtype)));
}

Cost cost_backward(const TypesCall& call) {
  const double bytes = static_cast<double>(2 * call.type(kQkv).bytes() +
                                           2 * call.type(kOut).bytes() + call.type(kLse).bytes());
  return cost_of(call, 5.0, bytes);
}

int64_t workspace(const PrepareCall& call) {
  const AttentionParams& p = params_of(call.types.params);
  return static_cast<int64_t>(kernels::attention_forward_workspace(
      self_attention_shape(call.types.shape(kQkv), p), call.threads, call.types.type(kQkv).dtype));
}

int64_t workspace_backward(const PrepareCall& call) {
  const AttentionParams& p = params_of(call.types.params);
  return static_cast<int64_t>(kernels::attention_backward_workspace(
      self_attention_shape(call.types.shape(kQkv), p), call.threads, call.types.type(kQkv).dtype));
}

int64_t device_workspace_backward(const PrepareCall& call) {
  const AttentionParams& p = params_of(call.types.params);
  return attention_backward_workspace_on_device(self_attention_shape(call.types.shape(kQkv), p),
                                                call.types.type(kQkv).dtype);
}

// ---- Samples -----------------------------------------------------------------------------------

struct Form {
  int64_t B, T;
  AttentionParams params;
  bool documents = false;
};

// Forms that reach every path: blocks of 64 queries and 64 keys, panels of 16 and tiles of 32, and
// both sides of their edges; widths of heads around the same edges; groups of heads, masks, more
// than one part of the keys in the backward pass.
std::vector<Form> forms() {
  return {{2, 3, {.heads = 2, .kv_heads = 1, .head_dim = 4}},
          {1, 1, {.heads = 1, .kv_heads = 1, .head_dim = 1}},
          {1, 15, {.heads = 1, .kv_heads = 1, .head_dim = 15}},
          {1, 17, {.heads = 1, .kv_heads = 1, .head_dim = 17, .causal = false}},
          {1, 31, {.heads = 1, .kv_heads = 1, .head_dim = 31}},
          {1, 33, {.heads = 1, .kv_heads = 1, .head_dim = 33}},
          {2, 63, {.heads = 1, .kv_heads = 1, .head_dim = 5}},
          {1, 64, {.heads = 1, .kv_heads = 1, .head_dim = 16, .scale = 0.3, .causal = false}},
          {1, 65, {.heads = 2, .kv_heads = 2, .head_dim = 8}},
          {1, 66, {.heads = 1, .kv_heads = 1, .head_dim = 8, .scale = -0.4}},
          {1, 95, {.heads = 1, .kv_heads = 1, .head_dim = 8, .window = 70}},
          {1, 96, {.heads = 1, .kv_heads = 1, .head_dim = 8, .window = 65}},
          {1, 97, {.heads = 3, .kv_heads = 1, .head_dim = 8, .window = 9}},
          {1, 128, {.heads = 1, .kv_heads = 1, .head_dim = 4}},
          {1, 129, {.heads = 1, .kv_heads = 1, .head_dim = 4, .window = 31}},
          {2, 70, {.heads = 2, .kv_heads = 1, .head_dim = 4}, true},
          {2, 33, {.heads = 2, .kv_heads = 2, .head_dim = 4, .causal = false}, true},
          {2, 40, {.heads = 2, .kv_heads = 1, .head_dim = 8, .dropout = 0.4, .dropout_key = 9}},
          {1, 320, {.heads = 1, .kv_heads = 1, .head_dim = 2}}};
}

// Documents of 13 tokens, and a tail that sees nothing.
SampleInput document_ranges(int64_t B, int64_t T) {
  std::vector<double> ranges;
  for (int64_t t = 0; t < B * T; ++t) {
    const int64_t begin = t % T / 13 * 13;
    const bool tail = t % T >= T - 5;
    ranges.push_back(static_cast<double>(begin));
    ranges.push_back(static_cast<double>(tail ? begin : std::min(T, begin + 13)));
  }
  return values({DType::kI32, {B, T, 2}}, std::move(ranges));
}

void push_options(const Form& form, std::vector<SampleInput>& inputs) {
  inputs.push_back(form.documents ? document_ranges(form.B, form.T) : absent());
  inputs.push_back(form.params.dropout > 0 ? values({DType::kI64, {3}}, {1234, 7, 1000})
                                           : absent());
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  for (const Form& form : forms()) {
    std::vector<SampleInput> inputs = {normal({form.B, form.T, packed_width(form.params)})};
    push_options(form, inputs);
    result.push_back({std::move(inputs), form.params});
  }
  return result;
}

std::vector<Sample> samples_backward() {
  std::vector<Sample> result;
  for (const Form& form : forms()) {
    const Shape out{form.B, form.T, query_width(form.params)};
    SampleInput lse = normal({form.B, form.params.heads, form.T});
    lse.fill = SampleInput::Fill::kPositive;
    std::vector<SampleInput> inputs = {normal({form.B, form.T, packed_width(form.params)}),
                                       normal(out), lse, normal(out)};
    push_options(form, inputs);
    result.push_back({std::move(inputs), form.params});
  }
  return result;
}

std::vector<ErrorSample> error_samples() {
  const AttentionParams p{.heads = 2, .kv_heads = 1, .head_dim = 4};
  AttentionParams odd = p, window = p, dropout = p;
  odd.heads = 3;
  odd.kv_heads = 2;
  window.causal = false;
  window.window = 4;
  dropout.dropout = 0.1;
  return {{{normal({2, 3, 15})}, p, "(heads + 2 kv_heads) head_dim = 16"},
          {{normal({2, 3, 28})}, odd, "multiple of kv_heads, got 3 and 2"},
          {{normal({2, 3, 16})}, window, "a window needs a causal mask"},
          {{normal({2, 3, 16})}, dropout, "dropout needs rng, i64[3]"},
          {{normal({2, 3, 16}), integers({2, 3}, 0, 2)}, p, "key_range must be i32[2, 3, 2]"}};
}

std::vector<ErrorSample> error_samples_backward() {
  const AttentionParams p{.heads = 2, .kv_heads = 1, .head_dim = 4};
  return {{{normal({2, 3, 16}), normal({2, 3, 8}), normal({2, 3, 2}), normal({2, 3, 8})},
           p,
           "f32 [B, H, T]"},
          {{normal({2, 3, 16}), normal({2, 3, 4}), normal({2, 2, 3}), normal({2, 3, 8})},
           p,
           "out and its gradient must be f32[2, 3, 8]"}};
}

// ---- Kernels -----------------------------------------------------------------------------------

// The parts of a kernel's arguments that both passes have; what dropout's key is made of, which on
// a GPU only the kernel can read, is random_of's.
template <class Args>
void set_common(const KernelCall& call, size_t key_range, size_t rng, Args& args) {
  const AttentionParams& p = params_of(call.params);
  args.shape = self_attention_shape(call.inputs[kQkv].type.shape, p);
  args.mask = {p.causal, p.window, call.in<int32_t>(key_range)};
  args.scale = static_cast<float>(attention_scale(p));
  if (!(p.dropout > 0.0)) return;
  args.dropout.p = static_cast<float>(p.dropout);
  if (call.device != nullptr) return;
  const RandomState state = random_state(call, rng, p.dropout_key);
  args.dropout = {args.dropout.p, state.key, state.first_sample};
}

kernels::AttentionRandom random_of(const KernelCall& call, size_t rng) {
  const AttentionParams& p = params_of(call.params);
  if (!(p.dropout > 0.0)) return {};
  return {call.in<int64_t>(rng), p.dropout_key};
}

template <class T>
kernels::HeadRows<T> result_rows(T* data, const AttentionShape& s) {
  return {data, s.T * s.H * s.D, s.H * s.D};
}

template <class T>
kernels::AttentionForward<T> forward_args(const KernelCall& call) {
  kernels::AttentionForward<T> args;
  set_common(call, kKeyRange, kRng, args);
  const auto heads = packed_heads(call.in<const T>(kQkv), args.shape.T, params_of(call.params));
  args.q = heads.q;
  args.k = heads.k;
  args.v = heads.v;
  args.out = result_rows(call.out<T>(0), args.shape);
  args.lse_BHT = call.out<float>(1);
  return args;
}

template <class T>
kernels::AttentionBackward<T> backward_args(const KernelCall& call) {
  const AttentionParams& p = params_of(call.params);
  kernels::AttentionBackward<T> args;
  set_common(call, kBackwardKeyRange, kBackwardRng, args);
  const auto heads = packed_heads(call.in<const T>(kQkv), args.shape.T, p);
  args.q = heads.q;
  args.k = heads.k;
  args.v = heads.v;
  args.out = result_rows(call.in<const T>(kOut), args.shape);
  args.dout = result_rows(call.in<const T>(kDout), args.shape);
  args.lse_BHT = call.in<float>(kLse);
  const auto gradients = packed_heads(call.out<T>(0), args.shape.T, p);
  args.dq = gradients.q;
  args.dk = gradients.k;
  args.dv = gradients.v;
  return args;
}

constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kFixed};
constexpr Slot kBackwardPrecision[] = {Slot::kCompute, Slot::kCompute, Slot::kF32, Slot::kCompute,
                                       Slot::kFixed};

}  // namespace

constinit const OpContract contracts::attention{.name = "attention",
                                                .summary = "y = softmax(scale q k^T) v per head",
                                                .min_inputs = 1,
                                                .max_inputs = 3,
                                                .infer = infer,
                                                .gradient = gradient,
                                                .saved_inputs = 0b111,
                                                .saved_outputs = 0b11,
                                                .statistics = 0b10,
                                                .workspace = workspace,
                                                .precision = kPrecision,
                                                .random = true,
                                                .reference = reference,
                                                .cost = cost,
                                                .samples = samples,
                                                .error_samples = error_samples};

constinit const OpContract contracts::attention_backward{
    .name = "attention_backward",
    .summary = "the gradient of attention's packed projections",
    .min_inputs = 4,
    .max_inputs = 6,
    .infer = infer_backward,
    .workspace = workspace_backward,
    .device_workspace = device_workspace_backward,
    .precision = kBackwardPrecision,
    .random = true,
    .reference = reference_backward,
    .cost = cost_backward,
    .samples = samples_backward,
    .error_samples = error_samples_backward};

void cpu::attention(const KernelCall& call) {
  with_element_type(call.outputs[0].type.dtype, [&](auto element) {
    kernels::attention_forward(forward_args<decltype(element)>(call), call.workspace,
                               call.parallel);
  });
}

void cuda::attention(const KernelCall& call) {
  with_element_type(call.outputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    launch_attention(call.device->stream, kernels::AttentionForwardOnDevice<T>{
                                              forward_args<T>(call), random_of(call, kRng)});
  });
}

void cpu::attention_backward(const KernelCall& call) {
  with_element_type(call.outputs[0].type.dtype, [&](auto element) {
    kernels::attention_backward(backward_args<decltype(element)>(call), call.workspace,
                                call.parallel);
  });
}

void cuda::attention_backward(const KernelCall& call) {
  with_element_type(call.outputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    launch_attention(call.device->stream,
                     kernels::AttentionBackwardOnDevice<T>{
                         backward_args<T>(call), random_of(call, kBackwardRng), call.workspace});
  });
}

Value attention(Value qkv, const AttentionParams& params, Value key_range, Value rng) {
  return apply(contracts::attention, {qkv, key_range, rng}, params)[0];
}

}  // namespace weft::ops
