// The contracts of layer_norm_backward and rms_norm_backward: the gradients of both norms, with the
// gradient that reaches the sum by the residual stream added in the same pass.
#include "kernels/norm/norm_cuda.h"
#include "ops/contracts.h"
#include "ops/norm.h"

namespace weft::ops {
namespace {

using namespace graph;

Types infer(const TypesCall& call, bool centered) {
  constexpr std::string_view kName = "norm_backward";
  const TensorType& x = call.type(kX);
  require(call.type(kDy) == x, kName, "dy must be like x, " + x.to_string());
  require(!call.has(kDsum) || call.type(kDsum) == x, kName, "dsum must be like x");
  const TensorType statistic{DType::kF32, {x.shape.rows()}};
  require(call.type(kRstd) == statistic, kName, "rstd must be " + statistic.to_string());
  require(!centered || call.type(kMean) == statistic, kName,
          "mean must be " + statistic.to_string());
  const TensorType width{DType::kF32, {x.shape.back()}};
  require(!call.has(kScale) || call.type(kScale) == width, kName,
          "scale must be " + width.to_string());
  check_accumulation(call, kDscaleInto, width.shape, kName);
  check_accumulation(call, kDbiasInto, width.shape, kName);
  Types outputs{x};
  if (call.has(kScale)) outputs.push_back(width);
  if (call.params.as<NormBackwardParams>().bias) outputs.push_back(width);
  return outputs;
}

// One row: dx, and what it adds to the gradients of scale and bias.
void reference_row(const ReferenceCall& call, bool centered, int64_t n) {
  const int64_t C = call.shape(kX).back();
  const double mean = centered ? call.in(kMean)[static_cast<size_t>(n)] : 0.0;
  const double rstd = call.in(kRstd)[static_cast<size_t>(n)];
  double mean_g = 0, mean_gx = 0;
  for (const bool second : {false, true})
    for (int64_t c = 0; c < C; ++c) {
      const size_t i = static_cast<size_t>(n * C + c), column = static_cast<size_t>(c);
      const double normed = (call.in(kX)[i] - mean) * rstd, dy = call.in(kDy)[i];
      const double g = dy * (call.has(kScale) ? call.in(kScale)[column] : 1.0);
      if (!second) {
        if (centered) mean_g += g / static_cast<double>(C);
        mean_gx += g * normed / static_cast<double>(C);
        continue;
      }
      call.out(0)[i] =
          rstd * (g - mean_g - normed * mean_gx) + (call.has(kDsum) ? call.in(kDsum)[i] : 0.0);
      if (call.outputs.size() > 1) call.out(1)[column] += dy * normed;
      if (call.outputs.size() > 2) call.out(2)[column] += dy;
    }
}

void reference(const ReferenceCall& call, bool centered) {
  for (size_t o = 1; o < call.outputs.size(); ++o)
    for (size_t c = 0; c < call.out(o).size(); ++c)
      call.out(o)[c] = o == 1 ? accumulated(call, kDscaleInto, kDscaleFlag, c)
                              : accumulated(call, kDbiasInto, kDbiasFlag, c);
  for (int64_t n = 0; n < call.shape(kX).rows(); ++n) reference_row(call, centered, n);
}

std::vector<Sample> samples(bool centered) {
  std::vector<Sample> result;
  const auto add = [&](Shape shape, bool scale, bool bias, std::vector<SampleInput> rest) {
    const Shape rows{shape.rows()};
    Sample sample{{normal(shape), normal(shape), scale ? normal({shape.back()}) : absent(),
                   centered ? normal(rows) : absent(), positive(rows)},
                  NormBackwardParams{bias && centered}};
    sample.inputs.insert(sample.inputs.end(), rest.begin(), rest.end());
    result.push_back(std::move(sample));
  };
  const auto flag = [](double f) { return values({DType::kF32, {1}}, {f}); };
  for (const int64_t width : {1, 7, 8, 16, 17, 64}) add({3, width}, true, true, {});
  add({2, 3, 33}, true, true, {normal({2, 3, 33})});
  add({1, 5}, false, false, {normal({1, 5})});
  add({70, 19}, true, false, {absent(), normal({19}), flag(1)});
  add({5, 19}, true, true, {absent(), normal({19}), flag(0)});
  if (centered) add({5, 19}, true, true, {normal({5, 19}), normal({19}), flag(1), normal({19})});
  return result;
}

std::vector<ErrorSample> error_samples() {
  return {{{normal({2, 4}), normal({2, 5}), absent(), normal({2}), normal({2})},
           NormBackwardParams{},
           "dy must be like x, f32[2, 5]"}};
}

int64_t workspace(const PrepareCall& call) {
  const Shape& shape = call.types.shape(kX);
  return kernels::norm_backward_workspace(shape.rows(), shape.back());
}

int64_t device_workspace(const PrepareCall& call) {
  const Shape& shape = call.types.shape(kX);
  return kernels::norm_backward_workspace_cuda(shape.rows(), shape.back());
}

void run(const KernelCall& call, bool centered) {
  const Shape& shape = call.inputs[kX].type.shape;
  with_element_type(call.inputs[kX].type.dtype, [&](auto element) {
    using T = decltype(element);
    const kernels::NormBackward<T> args{
        .dy_NC = call.in<T>(kDy),
        .x_NC = call.in<T>(kX),
        .scale_C = call.in<float>(kScale),
        .mean_N = call.in<float>(kMean),
        .rstd_N = call.in<float>(kRstd),
        .dsum_NC = call.in<T>(kDsum),
        .dx_NC = call.out<T>(0),
        .dscale_C = call.outputs.size() > 1 ? call.out<float>(1) : nullptr,
        .dbias_C = call.outputs.size() > 2 ? call.out<float>(2) : nullptr,
        .accumulate_dscale = accumulate_flag(call, kDscaleInto, kDscaleFlag),
        .accumulate_dbias = accumulate_flag(call, kDbiasInto, kDbiasFlag),
        .workspace = reinterpret_cast<float*>(call.workspace),
        .N = shape.rows(),
        .C = shape.back()};
    if (centered)
      start(
          call, [](const auto&... a) { kernels::layer_norm_backward(a...); }, args);
    else
      start(
          call, [](const auto&... a) { kernels::rms_norm_backward(a...); }, args);
  });
}

constexpr Pair kMayAlias[] = {{.input = kDy, .output = 0}, {.input = kDsum, .output = 0}};
constexpr Accumulation kAccumulates[] = {{.output = 1, .into = kDscaleInto, .flag = kDscaleFlag},
                                         {.output = 2, .into = kDbiasInto, .flag = kDbiasFlag}};
constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kCompute, Slot::kF32,  Slot::kF32,
                               Slot::kF32,     Slot::kCompute, Slot::kFixed};

}  // namespace

constinit const OpContract contracts::layer_norm_backward{
    .name = "layer_norm_backward",
    .summary = "dx, dscale, dbias of layer_norm, plus the residual's gradient",
    .min_inputs = 2,
    .max_inputs = 10,
    .infer = [](const TypesCall& call) { return infer(call, true); },
    .may_alias = kMayAlias,
    .accumulates = kAccumulates,
    .workspace = workspace,
    .device_workspace = device_workspace,
    .precision = kPrecision,
    .reference = [](const ReferenceCall& call) { reference(call, true); },
    .cost = norm_cost,
    .samples = [] { return samples(true); },
    .error_samples = error_samples};

constinit const OpContract contracts::rms_norm_backward{
    .name = "rms_norm_backward",
    .summary = "dx, dscale of rms_norm, plus the residual's gradient",
    .min_inputs = 2,
    .max_inputs = 10,
    .infer = [](const TypesCall& call) { return infer(call, false); },
    .may_alias = kMayAlias,
    .accumulates = kAccumulates,
    .workspace = workspace,
    .device_workspace = device_workspace,
    .precision = kPrecision,
    .reference = [](const ReferenceCall& call) { reference(call, false); },
    .cost = norm_cost,
    .samples = [] { return samples(false); },
    .error_samples = error_samples};

void cpu::layer_norm_backward(const KernelCall& call) {
  run(call, true);
}

void cuda::layer_norm_backward(const KernelCall& call) {
  cpu::layer_norm_backward(call);
}
void cpu::rms_norm_backward(const KernelCall& call) {
  run(call, false);
}

void cuda::rms_norm_backward(const KernelCall& call) {
  cpu::rms_norm_backward(call);
}

}  // namespace weft::ops
