#include "ops/norm.h"

#include <cmath>

#include "kernels/norm/norm_cuda.h"
#include "ops/contracts.h"
#include "weft/ops/add.h"

namespace weft::ops {

using namespace graph;

Types infer_norm(const NormForm& form, const TypesCall& call) {
  const TensorType& x = call.type(0);
  require(x.shape.rank() >= 1 && x.shape.back() >= 1, form.name,
          "x must have at least one axis and a width of at least 1, got " + x.to_string());
  require(!form.residual || call.type(1) == x, form.name,
          "the residual must be like x, " + x.to_string());
  const TensorType width{DType::kF32, {x.shape.back()}};
  for (const size_t i : {form.scale(), form.bias()})
    require(!call.has(i) || call.type(i) == width, form.name,
            std::string(i == form.scale() ? "scale" : "bias") + " must be " + width.to_string() +
                ", got " + (call.has(i) ? call.type(i).to_string() : ""));
  require(!call.has(form.bias()) || call.has(form.scale()), form.name,
          "a bias needs a scale beside it");
  const TensorType statistic{DType::kF32, {x.shape.rows()}};
  Types outputs{x};
  if (form.residual) outputs.push_back(x);
  if (form.centered) outputs.push_back(statistic);
  outputs.push_back(statistic);
  return outputs;
}

Values norm_gradient(const NormForm& form, const GradientCall& call) {
  const auto input = [&](size_t i) { return i < call.inputs.size() ? call.inputs[i] : Value(); };
  const Value dy = call.output_gradients[0];
  const Value dsum = form.residual ? call.output_gradients[form.sum()] : Value();
  Values result(call.inputs.size());
  if (!dy) {  // only the sum is read
    result[0] = result[1] = dsum;
    return result;
  }
  const Value scale = input(form.scale()), bias = input(form.bias());
  const OpContract& backward =
      form.centered ? contracts::layer_norm_backward : contracts::rms_norm_backward;
  const Values gradients =
      apply(backward,
            {dy, form.residual ? call.outputs[form.sum()] : call.inputs[0], scale,
             form.centered ? call.outputs[form.mean()] : Value(), call.outputs[form.rstd()], dsum},
            NormBackwardParams{static_cast<bool>(bias)});
  result[0] = gradients[0];
  if (form.residual) result[1] = gradients[0];
  if (scale) result[form.scale()] = gradients[1];
  if (bias) result[form.bias()] = gradients[2];
  return result;
}

void norm_reference(const NormForm& form, const ReferenceCall& call) {
  const int64_t C = call.shape(0).back(), N = call.shape(0).rows();
  const double eps = call.params.as<NormParams>().eps;
  for (int64_t n = 0; n < N; ++n) {
    const auto at = [&](int64_t c) { return static_cast<size_t>(n * C + c); };
    const auto x = [&](int64_t c) {
      return call.in(0)[at(c)] + (form.residual ? call.in(1)[at(c)] : 0.0);
    };
    double mean = 0, square = 0;
    for (int64_t c = 0; c < C && form.centered; ++c) mean += x(c) / static_cast<double>(C);
    for (int64_t c = 0; c < C; ++c) square += (x(c) - mean) * (x(c) - mean);
    const double rstd = 1 / std::sqrt(square / static_cast<double>(C) + eps);
    for (int64_t c = 0; c < C; ++c) {
      const size_t i = static_cast<size_t>(c);
      const double scale = call.has(form.scale()) ? call.in(form.scale())[i] : 1.0;
      const double bias = call.has(form.bias()) ? call.in(form.bias())[i] : 0.0;
      call.out(0)[at(c)] = (x(c) - mean) * rstd * scale + bias;
      if (form.residual) call.out(form.sum())[at(c)] = x(c);
    }
    if (form.centered) call.out(form.mean())[static_cast<size_t>(n)] = mean;
    call.out(form.rstd())[static_cast<size_t>(n)] = rstd;
  }
}

Cost norm_cost(const TypesCall& call) {
  double bytes = static_cast<double>(call.type(0).bytes());  // the result
  for (size_t i = 0; i < call.inputs.size(); ++i)
    if (call.has(i)) bytes += static_cast<double>(call.type(i).bytes());
  return {.flops = 8.0 * static_cast<double>(call.shape(0).elements()), .bytes = bytes};
}

std::vector<Sample> norm_samples(const NormForm& form) {
  std::vector<Sample> samples;
  const auto add = [&](Shape shape, bool scale, bool bias) {
    Sample sample{{normal(shape)}, NormParams{1e-5}};
    if (form.residual) sample.inputs.push_back(normal(shape));
    sample.inputs.push_back(scale ? normal({shape.back()}) : absent());
    if (form.centered) sample.inputs.push_back(bias ? normal({shape.back()}) : absent());
    samples.push_back(std::move(sample));
  };
  for (const int64_t width : {1, 7, 8, 15, 16, 17, 33, 64}) add({3, width}, true, true);
  add({2, 3, 40}, true, true);
  add({1, 5}, true, false);
  add({2, 9}, false, false);
  add({70, 19}, true, true);  // more rows than a tile of the sums over rows has
  return samples;
}

std::vector<ErrorSample> norm_error_samples(const NormForm& form) {
  ErrorSample wrong_scale{{normal({2, 4})}, NormParams{}, "scale must be f32[4], got f32[3]"};
  if (form.residual) wrong_scale.inputs.push_back(normal({2, 4}));
  wrong_scale.inputs.push_back(normal({3}));
  return {wrong_scale};
}

void run_norm(const NormForm& form, const KernelCall& call) {
  const Shape& shape = call.inputs[0].type.shape;
  with_element_type(call.inputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    const kernels::NormForward<T> args{
        .x_NC = call.in<T>(0),
        .residual_NC = form.residual ? call.in<T>(1) : nullptr,
        .scale_C = call.in<float>(form.scale()),
        .bias_C = form.centered ? call.in<float>(form.bias()) : nullptr,
        .sum_NC = form.residual ? call.out<T>(form.sum()) : nullptr,
        .y_NC = call.out<T>(0),
        .mean_N = form.centered ? call.out<float>(form.mean()) : nullptr,
        .rstd_N = call.out<float>(form.rstd()),
        .N = shape.rows(),
        .C = shape.back(),
        .eps = static_cast<float>(call.params.as<NormParams>().eps)};
    if (form.centered)
      start(
          call, [](const auto&... a) { kernels::layer_norm_forward(a...); }, args);
    else
      start(
          call, [](const auto&... a) { kernels::rms_norm_forward(a...); }, args);
  });
}

}  // namespace weft::ops
