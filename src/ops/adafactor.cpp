// The contract of adafactor.
#include "weft/ops/adafactor.h"

#include <cmath>

#include "kernels/optimizer/adafactor.h"
#include "kernels/optimizer/optimizer_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"
#include "ops/update_rule.h"

namespace weft::ops {
namespace {

using namespace graph;

// Of one matrix of a stack, or of a vector.
kernels::AdafactorShape shape_of(const Shape& parameters) {
  if (parameters.rank() < 2) return {.columns = parameters.elements()};
  return {.rows = parameters[-2], .columns = parameters[-1]};
}

Types infer(const TypesCall& call) {
  const TensorType factors{DType::kF32, {adafactor_factors(call.shape(update::kParameters))}};
  return update::infer(call, {.op = "adafactor", .max_rank = Shape::kMaxRank, .state = &factors});
}

int64_t workspace(const PrepareCall& call) {
  return kernels::adafactor_workspace(shape_of(call.types.shape(update::kParameters)));
}

int64_t device_workspace(const PrepareCall& call) {
  return kernels::adafactor_workspace_cuda(shape_of(call.types.shape(update::kParameters)));
}

using Numbers = std::vector<double>;

// Writes the new factors, and gives the second moments of one matrix or vector, whose squares of
// gradients these are.
Numbers reference_moments(const ReferenceCall& call, const Numbers& squares, size_t first_factor) {
  const kernels::AdafactorShape shape = shape_of(call.shape(update::kParameters));
  const double rest =
      std::pow(call.in(update::kStep)[0], -call.params.as<AdafactorParams>().decay_rate);
  const size_t rows = static_cast<size_t>(shape.rows), columns = static_cast<size_t>(shape.columns);
  Numbers fresh = shape.is_matrix() ? Numbers(rows + columns) : squares;
  for (size_t i = 0; shape.is_matrix() && i < squares.size(); ++i) {
    fresh[i / columns] += squares[i] / static_cast<double>(columns);
    fresh[rows + i % columns] += squares[i] / static_cast<double>(rows);
  }
  double mean = 0;
  for (size_t i = 0; i < fresh.size(); ++i) {
    fresh[i] = (1 - rest) * call.in(update::kState)[first_factor + i] + rest * fresh[i];
    call.out(1)[first_factor + i] = fresh[i];
    if (i < rows) mean += fresh[i] / static_cast<double>(rows);
  }
  if (!shape.is_matrix()) return fresh;
  Numbers moments(squares.size());
  for (size_t i = 0; i < moments.size(); ++i)
    moments[i] = fresh[i / columns] * fresh[rows + i % columns] / mean;
  return moments;
}

void reference_update(const ReferenceCall& call, size_t begin, size_t first_factor) {
  const auto& p = call.params.as<AdafactorParams>();
  const size_t n = static_cast<size_t>(shape_of(call.shape(update::kParameters)).elements());
  Numbers u(n), squares(n);
  for (size_t i = 0; i < n; ++i) {
    u[i] = call.in(update::kGradients)[begin + i] * call.in(update::kClip)[0];
    squares[i] = u[i] * u[i] + p.eps;
  }
  const Numbers moments = reference_moments(call, squares, first_factor);
  double mean_square = 0;
  for (size_t i = 0; i < n; ++i) {
    u[i] /= std::sqrt(moments[i]);
    mean_square += u[i] * u[i] / static_cast<double>(n);
  }
  const double rate = call.in(update::kRate)[0];
  const double bound = std::fmax(1.0, std::sqrt(mean_square) / p.clip_threshold);
  for (size_t i = 0; i < n; ++i)
    call.out(0)[begin + i] =
        call.in(update::kParameters)[begin + i] * (1 - rate * p.weight_decay) - rate / bound * u[i];
}

void reference(const ReferenceCall& call) {
  const kernels::AdafactorShape shape = shape_of(call.shape(update::kParameters));
  const size_t one = static_cast<size_t>(shape.elements());
  const bool apply = call.in(update::kApply)[0] != 0.0;
  call.out(0) = call.in(update::kParameters);
  call.out(1) = call.in(update::kState);
  for (size_t i = 0; apply && i * one < call.out(0).size(); ++i)
    reference_update(call, i * one, i * static_cast<size_t>(shape.factors()));
  if (call.has(update::kCopy)) call.out(2) = apply ? call.out(0) : call.in(update::kCopy);
}

// Gradients are read for the means, for the size of the update, and for the update.
Cost cost(const TypesCall& call) {
  const double n = static_cast<double>(call.shape(update::kParameters).elements());
  return {.flops = 13 * n, .bytes = (5 * 4 + (call.has(update::kCopy) ? 2 : 0)) * n};
}

Sample sample(const update::SampleCase& c, double step, AdafactorParams params) {
  Sample result = update::sample(c, params);
  result.inputs[update::kStep] = values({DType::kF32, {1}}, {step});
  result.inputs[update::kState] = positive({adafactor_factors(c.shape)});
  return result;
}

std::vector<Sample> samples() {
  return {sample({.shape = {3, 5}, .copy = true}, 1, {.weight_decay = 0.1}),
          sample({.shape = {1}}, 2, {}),
          sample({.shape = {17}, .copy = true, .clip = 0.5}, 3, {.weight_decay = 0.1}),
          sample({.shape = {1, 1}}, 2, {}),
          sample({.shape = {2, 33, 20}, .copy = true}, 100, {.clip_threshold = 0.1}),
          sample({.shape = {70, 301}}, 7, {.decay_rate = 0.5, .weight_decay = 0.1}),
          sample({.shape = {9001}}, 7, {.clip_threshold = 0.1}),
          sample({.shape = {4, 8}, .copy = true, .apply = 0}, 2, {})};
}

std::vector<ErrorSample> error_samples() {
  const Sample good = sample({.shape = {4, 6}}, 1, {});
  std::vector<SampleInput> wrong = good.inputs;
  wrong[update::kState] = positive({24});
  return {{wrong, good.params, "the state must be f32[10], got f32[24]"}};
}

}  // namespace

constinit const OpContract contracts::adafactor{
    .name = "adafactor",
    .summary = "a second moment of rows and columns, in place",
    .min_inputs = 7,
    .max_inputs = 8,
    .infer = infer,
    .updates = update::kUpdates,
    .workspace = workspace,
    .device_workspace = device_workspace,
    .reference = reference,
    .cost = cost,
    .samples = samples,
    .error_samples = error_samples};

void cpu::adafactor(const KernelCall& call) {
  const auto& p = call.params.as<AdafactorParams>();
  const Shape& shape = call.outputs[0].type.shape;
  const kernels::AdafactorShape one = shape_of(shape);
  BFloat16* copy = update::copy(call);
  for (int64_t i = 0; i * one.elements() < shape.elements(); ++i) {
    const int64_t begin = i * one.elements();
    start(
        call, [](const auto&... a) { kernels::adafactor(a...); },
        kernels::Adafactor{.parameters = call.out<float>(0) + begin,
                           .gradients = call.in<float>(update::kGradients) + begin,
                           .factors = call.out<float>(1) + i * one.factors(),
                           .copy = copy == nullptr ? nullptr : copy + begin,
                           .scalars = update::scalars(call),
                           .shape = one,
                           .decay_rate = p.decay_rate,
                           .eps = p.eps,
                           .clip_threshold = p.clip_threshold,
                           .weight_decay = p.weight_decay,
                           .workspace = call.workspace});
  }
}

void cuda::adafactor(const KernelCall& call) {
  cpu::adafactor(call);
}

int64_t adafactor_factors(const Shape& parameters) {
  const kernels::AdafactorShape one = shape_of(parameters);
  return one.elements() == 0 ? 0 : parameters.elements() / one.elements() * one.factors();
}

Updated adafactor(const UpdateOperands& operands, Value factors, const AdafactorParams& params) {
  return update::apply(contracts::adafactor, operands, factors, params);
}

}  // namespace weft::ops
