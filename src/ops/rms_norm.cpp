// The contract of rms_norm. Rules, reference and adapter are those of all norms (ops/norm.h).
#include "weft/ops/rms_norm.h"

#include "ops/contracts.h"
#include "ops/norm.h"

namespace weft::ops {
namespace {

using namespace graph;

constexpr NormForm kForm{.name = "rms_norm", .centered = false, .residual = false};
constexpr Pair kMayAlias[] = {{.input = 0, .output = 0}};
constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kF32};

}  // namespace

constinit const OpContract contracts::rms_norm{
    .name = "rms_norm",
    .summary = "y = x * rstd * scale over the last axis",
    .min_inputs = 1,
    .max_inputs = 2,
    .infer = [](const TypesCall& call) { return infer_norm(kForm, call); },
    .gradient = [](const GradientCall& call) { return norm_gradient(kForm, call); },
    .saved_inputs = 1u << 0 | 1u << 1,
    .saved_outputs = 1u << 1,
    .statistics = 1u << 1,
    .may_alias = kMayAlias,
    .precision = kPrecision,
    .recompute = Recompute::kCheap,
    .reference = [](const ReferenceCall& call) { norm_reference(kForm, call); },
    .cost = norm_cost,
    .samples = [] { return norm_samples(kForm); },
    .error_samples = [] { return norm_error_samples(kForm); }};

void cpu::rms_norm(const KernelCall& call) {
  run_norm(kForm, call);
}

void cuda::rms_norm(const KernelCall& call) {
  cpu::rms_norm(call);
}

Value rms_norm(Value x, Value scale, double eps) {
  return apply(contracts::rms_norm, {x, scale}, NormParams{eps})[0];
}

}  // namespace weft::ops
