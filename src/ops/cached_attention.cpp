// The contract of cached_attention: the forward pass alone, over caches whose length is known when
// the program runs. Generation differentiates nothing.
#include "weft/ops/cached_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/attention/attention_cuda.h"
#include "ops/attention_common.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;
using kernels::AttentionShape;

enum Operand : uint8_t { kQkv, kKeys, kValues, kKeyRange };

AttentionShape shape_of(const TypesCall& call) {
  AttentionShape shape = self_attention_shape(call.shape(kQkv), call.params.as<AttentionParams>());
  shape.S = call.shape(kKeys)[1];
  return shape;
}

Types infer(const TypesCall& call) {
  constexpr std::string_view kName = "cached_attention";
  const AttentionParams& p = call.params.as<AttentionParams>();
  check_attention(kName, call, kKeyRange);
  const TensorType &qkv = call.type(kQkv), &keys = call.type(kKeys);
  require(
      keys.shape.rank() == 4 && keys.shape.elements() > 0 &&
          keys == TensorType{qkv.dtype, {qkv.shape[0], keys.shape[1], p.kv_heads, p.head_dim}} &&
          call.type(kValues) == keys,
      kName,
      "both caches must be [B, S, kv_heads, head_dim] in qkv's type, got " + keys.to_string() +
          " and " + call.type(kValues).to_string());
  return {{qkv.dtype, qkv.shape.with_back(query_width(p))}};
}

// One query over the keys [begin, end) of its range.
void reference_query(const ReferenceCall& call, int64_t b, int64_t head, int64_t t) {
  const AttentionParams& p = call.params.as<AttentionParams>();
  const int64_t T = call.shape(kQkv)[1], S = call.shape(kKeys)[1], D = p.head_dim;
  const int64_t kv_head = head / (p.heads / p.kv_heads);
  const double* q = call.in(kQkv).data() + (b * T + t) * packed_width(p) + head * D;
  const auto place = [&](int64_t j) { return ((b * S + j) * p.kv_heads + kv_head) * D; };
  const double* range = call.in(kKeyRange).data() + 2 * (b * T + t);
  const int64_t begin = std::max<int64_t>(0, static_cast<int64_t>(range[0]));
  const int64_t end = std::min(S, static_cast<int64_t>(range[1]));
  std::vector<double> scores;
  double largest = -std::numeric_limits<double>::infinity(), total = 0;
  for (int64_t j = begin; j < end; ++j) {
    double score = 0;
    for (int64_t d = 0; d < D; ++d) score += q[d] * call.in(kKeys).data()[place(j) + d];
    scores.push_back(score * attention_scale(p));
    largest = std::fmax(largest, scores.back());
  }
  for (double& score : scores) total += score = std::exp(score - largest);
  double* out = call.out(0).data() + (b * T + t) * query_width(p) + head * D;
  for (int64_t j = begin; j < end; ++j)
    for (int64_t d = 0; d < D; ++d)
      out[d] +=
          scores[static_cast<size_t>(j - begin)] / total * call.in(kValues).data()[place(j) + d];
}

void reference(const ReferenceCall& call) {
  const Shape& qkv = call.shape(kQkv);
  for (int64_t b = 0; b < qkv[0]; ++b)
    for (int64_t head = 0; head < call.params.as<AttentionParams>().heads; ++head)
      for (int64_t t = 0; t < qkv[1]; ++t) reference_query(call, b, head, t);
}

// As if the caches were full.
Cost cost(const TypesCall& call) {
  const AttentionShape s = shape_of(call);
  return {.flops = 4.0 * static_cast<double>(s.B * s.T * s.S * s.H * s.D),
          .bytes = static_cast<double>(call.type(kQkv).bytes() + 2 * call.type(kKeys).bytes())};
}

int64_t workspace(const PrepareCall& call) {
  return static_cast<int64_t>(
      kernels::cached_attention_workspace(shape_of(call.types), call.threads));
}

int64_t device_workspace(const PrepareCall& call) {
  return kernels::cached_attention_workspace_cuda(shape_of(call.types));
}

// Sample b has `length` + b keys, of which the last are those of the new tokens.
Sample sample(const AttentionShape& s, int64_t length) {
  const AttentionParams p{.heads = s.H, .kv_heads = s.K, .head_dim = s.D};
  const Shape cache{s.B, s.S, s.K, s.D};
  std::vector<double> range;
  for (int64_t b = 0; b < s.B; ++b)
    for (int64_t t = 0; t < s.T; ++t) {
      range.push_back(static_cast<double>(b));
      range.push_back(static_cast<double>(length + b - s.T + t + 1));
    }
  return {{normal({s.B, s.T, packed_width(p)}), normal(cache), normal(cache),
           values({DType::kI32, {s.B, s.T, 2}}, std::move(range))},
          p};
}

// Few and many queries, both sides of a task's 256 keys (of a GPU's 128), heads of every width that
// a GPU has a kernel for, an empty range in the second sample.
std::vector<Sample> samples() {
  return {sample({.B = 2, .T = 1, .S = 9, .H = 4, .K = 2, .D = 8}, 5),
          sample({.B = 1, .T = 1, .S = 1, .H = 1, .K = 1, .D = 1}, 1),
          sample({.B = 2, .T = 3, .S = 9, .H = 2, .K = 2, .D = 8}, 2),
          sample({.B = 1, .T = 1, .S = 300, .H = 8, .K = 1, .D = 5}, 255),
          sample({.B = 1, .T = 1, .S = 300, .H = 1, .K = 1, .D = 16}, 256),
          sample({.B = 1, .T = 1, .S = 300, .H = 1, .K = 1, .D = 16}, 257),
          sample({.B = 1, .T = 8, .S = 80, .H = 1, .K = 1, .D = 4}, 70),
          sample({.B = 2, .T = 9, .S = 80, .H = 1, .K = 1, .D = 4}, 64),
          sample({.B = 1, .T = 1, .S = 130, .H = 3, .K = 1, .D = 72}, 129),
          sample({.B = 1, .T = 2, .S = 129, .H = 4, .K = 2, .D = 64}, 128),
          sample({.B = 1, .T = 1, .S = 40, .H = 5, .K = 1, .D = 136}, 33)};
}

std::vector<ErrorSample> error_samples() {
  const AttentionParams p{.heads = 2, .kv_heads = 1, .head_dim = 4};
  const SampleInput qkv = normal({2, 3, 16}), range = integers({2, 3, 2}, 0, 9);
  return {{{qkv, normal({2, 9, 2, 4}), normal({2, 9, 2, 4}), range},
           p,
           "caches must be [B, S, kv_heads, head_dim]"},
          {{qkv, normal({2, 9, 1, 4}), normal({2, 9, 1, 4}), integers({2, 3}, 0, 9)},
           p,
           "key_range must be i32[2, 3, 2]"}};
}

template <class T>
kernels::AttentionForward<T> forward_args(const KernelCall& call) {
  const AttentionParams& p = call.params.as<AttentionParams>();
  kernels::AttentionForward<T> args;
  args.shape = self_attention_shape(call.inputs[kQkv].type.shape, p);
  args.shape.S = call.inputs[kKeys].type.shape[1];
  args.mask.range_BT2 = call.in<int32_t>(kKeyRange);
  args.scale = static_cast<float>(attention_scale(p));
  args.q = packed_heads(call.in<const T>(kQkv), args.shape.T, p).q;
  const int64_t row = p.kv_heads * p.head_dim, batch = args.shape.S * row;
  args.k = {call.in<T>(kKeys), batch, row};
  args.v = {call.in<T>(kValues), batch, row};
  args.out = {call.out<T>(0), args.shape.T * query_width(p), query_width(p)};
  return args;
}

constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kCompute, Slot::kCompute, Slot::kFixed};

}  // namespace

constinit const OpContract contracts::cached_attention{
    .name = "cached_attention",
    .summary = "y = softmax(scale q k^T) v over caches of keys and values",
    .min_inputs = 4,
    .max_inputs = 4,
    .infer = infer,
    .workspace = workspace,
    .device_workspace = device_workspace,
    .precision = kPrecision,
    .reference = reference,
    .cost = cost,
    .samples = samples,
    .error_samples = error_samples};

void cpu::cached_attention(const KernelCall& call) {
  with_element_type(call.outputs[0].type.dtype, [&](auto element) {
    kernels::cached_attention(forward_args<decltype(element)>(call), call.workspace, call.parallel);
  });
}

void cuda::cached_attention(const KernelCall& call) {
  with_element_type(call.outputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    kernels::cached_attention(weft::cuda::Stream{call.device->stream},
                              kernels::CachedAttentionOnDevice<T>{.args = forward_args<T>(call),
                                                                  .workspace = call.workspace});
  });
}

Value cached_attention(Value qkv, Value key_cache, Value value_cache, Value key_range,
                       const AttentionParams& params) {
  return apply(contracts::cached_attention, {qkv, key_cache, value_cache, key_range}, params)[0];
}

}  // namespace weft::ops
