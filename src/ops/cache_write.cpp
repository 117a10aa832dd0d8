// The contract of cache_write: keys and values of new tokens into the caches, in place.
#include "weft/ops/cache_write.h"

#include "kernels/cache/cache_write.h"
#include "kernels/cache/cache_write_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;

enum Input : size_t { kKeys, kValues, kQkv, kSlots };

Types infer(const TypesCall& call) {
  const auto check = [](bool condition, const std::string& message) {
    require(condition, "cache_write", message);
  };
  const TensorType &keys = call.type(kKeys), &qkv = call.type(kQkv);
  check(is_floating(keys.dtype) && keys.shape.rank() == 4,
        "the caches must be floating-point [B, S, K, D], got " + keys.to_string());
  check(call.type(kValues) == keys, "both caches must be alike, got " + keys.to_string() + " and " +
                                        call.type(kValues).to_string());
  const int64_t heads = call.params.as<CacheWriteParams>().heads;
  const int64_t width = (heads + 2 * keys.shape[2]) * keys.shape[3];
  check(qkv.dtype == keys.dtype && qkv.shape.rank() == 3 && qkv.shape[0] == keys.shape[0] &&
            qkv.shape[2] == width,
        "qkv must be [" + std::to_string(keys.shape[0]) + ", T, " + std::to_string(width) +
            "] in the caches' type, got " + qkv.to_string());
  const TensorType slots{DType::kI32, {qkv.shape[0], qkv.shape[1]}};
  check(call.type(kSlots) == slots,
        "slots must be " + slots.to_string() + ", got " + call.type(kSlots).to_string());
  return {keys, keys};
}

void reference(const ReferenceCall& call) {
  const Shape &cache = call.shape(kKeys), &qkv = call.shape(kQkv);
  const auto size = [](int64_t n) { return static_cast<size_t>(n); };
  const size_t heads = size(call.params.as<CacheWriteParams>().heads);
  const size_t kv = size(cache[2] * cache[3]), width = size(qkv.back()), T = size(qkv[1]);
  call.out(0) = call.in(kKeys);
  call.out(1) = call.in(kValues);
  for (size_t token = 0; token < call.in(kSlots).size(); ++token) {
    const double slot = call.in(kSlots)[token];
    if (slot < 0) continue;
    const size_t to = (token / T * size(cache[1]) + static_cast<size_t>(slot)) * kv;
    const size_t from = token * width + heads * size(cache[3]);
    for (size_t i = 0; i < kv; ++i) {
      call.out(0)[to + i] = call.in(kQkv)[from + i];
      call.out(1)[to + i] = call.in(kQkv)[from + kv + i];
    }
  }
}

// Keys and values of the new tokens are read and written.
Cost cost(const TypesCall& call) {
  const Shape& cache = call.shape(kKeys);
  const int64_t elements = call.shape(kSlots).elements() * cache[2] * cache[3];
  return {.flops = 0, .bytes = static_cast<double>(4 * elements * size_of(call.type(0).dtype))};
}

std::vector<Sample> samples() {
  const auto slots = [](Shape shape, std::vector<double> at) {
    return values({DType::kI32, shape}, std::move(at));
  };
  return {
      {{normal({2, 5, 2, 3}), normal({2, 5, 2, 3}), normal({2, 3, 24}),
        slots({2, 3}, {0, 1, 2, 4, -1, 3})},
       CacheWriteParams{4}},
      {{normal({1, 1, 1, 1}), normal({1, 1, 1, 1}), normal({1, 1, 3}), slots({1, 1}, {0})},
       CacheWriteParams{1}},
      {{normal({3, 7, 1, 17}), normal({3, 7, 1, 17}), normal({3, 1, 68}), slots({3, 1}, {6, 0, 3})},
       CacheWriteParams{2}}};
}

std::vector<ErrorSample> error_samples() {
  const SampleInput cache = normal({1, 4, 2, 3}), qkv = normal({1, 2, 24});
  return {{{cache, cache, normal({1, 2, 20}), integers({1, 2}, 0, 4)},
           CacheWriteParams{4},
           "qkv must be [1, T, 24] in the caches' type, got f32[1, 2, 20]"},
          {{cache, normal({1, 5, 2, 3}), qkv, integers({1, 2}, 0, 4)},
           CacheWriteParams{4},
           "both caches must be alike"},
          {{cache, cache, qkv, integers({2}, 0, 4)},
           CacheWriteParams{4},
           "slots must be i32[1, 2], got i32[2]"},
          {{normal({4, 2, 3}), normal({4, 2, 3}), qkv, integers({1, 2}, 0, 4)},
           CacheWriteParams{4},
           "floating-point [B, S, K, D]"}};
}

constexpr Pair kUpdates[] = {{.input = kKeys, .output = 0}, {.input = kValues, .output = 1}};
constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kCompute, Slot::kCompute, Slot::kFixed};

}  // namespace

constinit const OpContract contracts::cache_write{
    .name = "cache_write",
    .summary = "puts the keys and values of new tokens into the caches, in place",
    .min_inputs = 4,
    .max_inputs = 4,
    .infer = infer,
    .updates = kUpdates,
    .precision = kPrecision,
    .reference = reference,
    .cost = cost,
    .samples = samples,
    .error_samples = error_samples};

void cpu::cache_write(const KernelCall& call) {
  const Shape &cache = call.outputs[0].type.shape, &qkv = call.inputs[kQkv].type.shape;
  start(
      call, [](const auto&... a) { kernels::cache_write(a...); },
      kernels::CacheWrite{.qkv_BTW = call.inputs[kQkv].data,
                          .slots_BT = call.in<int32_t>(kSlots),
                          .keys_BSKD = call.outputs[0].data,
                          .values_BSKD = call.outputs[1].data,
                          .B = cache[0],
                          .T = qkv[1],
                          .S = cache[1],
                          .H = call.params.as<CacheWriteParams>().heads,
                          .K = cache[2],
                          .D = cache[3],
                          .element_bytes = size_of(call.outputs[0].type.dtype)});
}

void cuda::cache_write(const KernelCall& call) {
  cpu::cache_write(call);
}

Caches cache_write(Caches caches, Value qkv, Value slots, const CacheWriteParams& params) {
  const Values written =
      apply(contracts::cache_write, {caches.keys, caches.values, qkv, slots}, params);
  return {.keys = written[0], .values = written[1]};
}

}  // namespace weft::ops
