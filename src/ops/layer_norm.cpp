// The contract of layer_norm. Rules, reference and adapter are those of all norms (ops/norm.h).
#include "weft/ops/layer_norm.h"

#include "ops/contracts.h"
#include "ops/norm.h"

namespace weft::ops {
namespace {

using namespace graph;

constexpr NormForm kForm{.name = "layer_norm", .centered = true, .residual = false};
constexpr Pair kMayAlias[] = {{.input = 0, .output = 0}};
constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kF32};

}  // namespace

constinit const OpContract contracts::layer_norm{
    .name = "layer_norm",
    .summary = "y = (x - mean) * rstd * scale + bias over the last axis",
    .min_inputs = 1,
    .max_inputs = 3,
    .infer = [](const TypesCall& call) { return infer_norm(kForm, call); },
    .gradient = [](const GradientCall& call) { return norm_gradient(kForm, call); },
    .saved_inputs = 1u << 0 | 1u << 1,
    .saved_outputs = 1u << 1 | 1u << 2,
    .statistics = 1u << 1 | 1u << 2,
    .may_alias = kMayAlias,
    .precision = kPrecision,
    .recompute = Recompute::kCheap,
    .reference = [](const ReferenceCall& call) { norm_reference(kForm, call); },
    .cost = norm_cost,
    .samples = [] { return norm_samples(kForm); },
    .error_samples = [] { return norm_error_samples(kForm); }};

void cpu::layer_norm(const KernelCall& call) {
  run_norm(kForm, call);
}

void cuda::layer_norm(const KernelCall& call) {
  cpu::layer_norm(call);
}

Value layer_norm(Value x, Value scale, Value bias, double eps) {
  return apply(contracts::layer_norm, {x, scale, bias}, NormParams{eps})[0];
}

}  // namespace weft::ops
