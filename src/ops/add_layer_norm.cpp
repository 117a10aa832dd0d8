// The contract of add_layer_norm. Rules, reference and adapter are those of all norms (ops/norm.h).
#include "weft/ops/add_layer_norm.h"

#include "ops/contracts.h"
#include "ops/norm.h"
#include "weft/ops/add.h"

namespace weft::ops {
namespace {

using namespace graph;

constexpr NormForm kForm{.name = "add_layer_norm", .centered = true, .residual = true};
Values fallback(std::span<const Value> in, const Params& params) {
  const Value sum = add(in[0], in[1]);
  Values outputs = apply(contracts::layer_norm, {sum, in[2], in[3]}, params);
  outputs.insert(outputs.begin() + 1, sum);
  return outputs;
}

constexpr Pair kMayAlias[] = {{.input = 0, .output = 1}, {.input = 1, .output = 1}};
constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kCompute, Slot::kF32};

}  // namespace

constinit const OpContract contracts::add_layer_norm{
    .name = "add_layer_norm",
    .summary = "sum = x + residual, y = layer_norm(sum)",
    .min_inputs = 2,
    .max_inputs = 4,
    .infer = [](const TypesCall& call) { return infer_norm(kForm, call); },
    .gradient = [](const GradientCall& call) { return norm_gradient(kForm, call); },
    .saved_inputs = 1u << 2,
    .saved_outputs = 1u << 1 | 1u << 2 | 1u << 3,
    .statistics = 1u << 2 | 1u << 3,
    .may_alias = kMayAlias,
    .precision = kPrecision,
    .recompute = Recompute::kCheap,
    .reference = [](const ReferenceCall& call) { norm_reference(kForm, call); },
    .fallback = fallback,
    .cost = norm_cost,
    .samples = [] { return norm_samples(kForm); },
    .error_samples = [] { return norm_error_samples(kForm); }};

void cpu::add_layer_norm(const KernelCall& call) {
  run_norm(kForm, call);
}

void cuda::add_layer_norm(const KernelCall& call) {
  cpu::add_layer_norm(call);
}

NormOfSum add_layer_norm(Value x, Value residual, Value scale, Value bias, double eps) {
  const Values out = apply(contracts::add_layer_norm, {x, residual, scale, bias}, NormParams{eps});
  return {out[0], out[1]};
}

}  // namespace weft::ops
