// The contract of muon: matrices, each updated by its orthogonalised momentum.
#include "weft/ops/muon.h"

#include <cmath>

#include "kernels/optimizer/muon.h"
#include "kernels/optimizer/optimizer_cuda.h"
#include "ops/contracts.h"
#include "ops/update_rule.h"

namespace weft::ops {
namespace {

using namespace graph;

Types infer(const TypesCall& call) {
  return update::infer(call, {.op = "muon", .min_rank = 2, .max_rank = Shape::kMaxRank});
}

kernels::MuonShape shape_of(const Shape& parameters) {
  return {.rows = parameters[-2], .columns = parameters[-1]};
}

struct MuonState final : KernelState {
  explicit MuonState(kernels::MuonPlan prepared) : plan(std::move(prepared)) {}
  kernels::MuonPlan plan;
};

std::unique_ptr<KernelState> prepare(const PrepareCall& call) {
  return std::make_unique<MuonState>(
      kernels::MuonPlan(shape_of(call.types.shape(update::kParameters)), call.threads));
}

int64_t workspace(const PrepareCall& call) {
  return kernels::MuonPlan::workspace(shape_of(call.types.shape(update::kParameters)),
                                      call.threads);
}

int64_t device_workspace(const PrepareCall& call) {
  return kernels::muon_workspace_cuda(shape_of(call.types.shape(update::kParameters)));
}

using Matrix = std::vector<double>;

// a [m, k] times b [k, n]; with b_transposed b is [n, k].
Matrix product(const Matrix& a, const Matrix& b, size_t m, size_t k, bool b_transposed) {
  const size_t n = b.size() / k;
  Matrix c(m * n);
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < n; ++j)
      for (size_t l = 0; l < k; ++l)
        c[i * n + j] += a[i * k + l] * (b_transposed ? b[j * k + l] : b[l * n + j]);
  return c;
}

Matrix transposed(const Matrix& a, size_t rows) {
  const size_t columns = a.size() / rows;
  Matrix result(a.size());
  for (size_t i = 0; i < a.size(); ++i) result[i % columns * rows + i / columns] = a[i];
  return result;
}

// x has at most as many rows as columns.
Matrix newton_schulz(Matrix x, size_t rows, const MuonParams& p) {
  const size_t columns = x.size() / rows;
  double squares = 0;
  for (const double value : x) squares += value * value;
  for (double& value : x) value /= std::fmax(std::sqrt(squares), p.eps);
  for (int64_t i = 0; i < p.iterations; ++i) {
    const Matrix gram = product(x, x, rows, columns, true);
    Matrix square = product(gram, gram, rows, rows, false);
    for (size_t e = 0; e < square.size(); ++e) square[e] = 2.0315 * square[e] - 4.7750 * gram[e];
    const Matrix turned = product(square, x, rows, rows, false);
    for (size_t e = 0; e < x.size(); ++e) x[e] = 3.4445 * x[e] + turned[e];
  }
  return x;
}

// What the matrix that begins at element `begin` moves by, for a rate of 1; and its new velocity.
void reference_direction(const ReferenceCall& call, size_t begin, Matrix& velocity, Matrix& step) {
  const auto& p = call.params.as<MuonParams>();
  const kernels::MuonShape shape = shape_of(call.shape(update::kParameters));
  const size_t n = static_cast<size_t>(shape.elements());
  Matrix u(n);
  for (size_t i = 0; i < n; ++i) {
    const double g = call.in(update::kGradients)[begin + i] * call.in(update::kClip)[0];
    const double v = p.momentum * call.in(update::kState)[begin + i] + (1 - p.momentum) * g;
    velocity[begin + i] = v;
    u[i] = p.nesterov ? p.momentum * v + (1 - p.momentum) * g : v;
  }
  const bool tall = shape.rows > shape.columns;
  const size_t side = static_cast<size_t>(shape.side());
  if (tall) u = transposed(u, n / side);
  u = newton_schulz(std::move(u), side, p);
  if (tall) u = transposed(u, side);
  const double rows = static_cast<double>(shape.rows), columns = static_cast<double>(shape.columns);
  const double scale = p.match_rms_adamw ? 0.2 * std::sqrt(std::fmax(rows, columns))
                                         : std::sqrt(std::fmax(1.0, rows / columns));
  for (size_t i = 0; i < n; ++i) step[begin + i] = scale * u[i];
}

void reference(const ReferenceCall& call) {
  const auto& p = call.params.as<MuonParams>();
  const Shape& shape = call.shape(update::kParameters);
  const size_t n = static_cast<size_t>(shape.elements());
  const size_t one = static_cast<size_t>(shape_of(shape).elements());
  Matrix velocity(n), step(n);
  for (size_t begin = 0; begin < n; begin += one) reference_direction(call, begin, velocity, step);
  const double rate = call.in(update::kRate)[0];
  update::reference(call, [&](size_t i) {
    call.out(0)[i] = call.in(update::kParameters)[i] * (1 - rate * p.weight_decay) - rate * step[i];
    call.out(1)[i] = velocity[i];
  });
}

// Three products per iteration: two of the shape's own size, one of the smaller side cubed.
Cost cost(const TypesCall& call) {
  const kernels::MuonShape shape = shape_of(call.shape(update::kParameters));
  const double side = static_cast<double>(shape.side());
  const double longer = static_cast<double>(std::max(shape.rows, shape.columns));
  const double iterations = static_cast<double>(call.params.as<MuonParams>().iterations);
  return update::cost(call, 10 + iterations * (4 * side + 2 * side * side / longer));
}

std::vector<Sample> samples() {
  using update::sample;
  return {sample({.shape = {2, 3, 5}, .copy = true}, MuonParams{}),
          sample({.shape = {1, 1}}, MuonParams{}),
          sample({.shape = {3, 17}, .copy = true, .clip = 0.5}, MuonParams{.nesterov = false}),
          sample({.shape = {17, 3}}, MuonParams{.match_rms_adamw = true}),
          sample({.shape = {16, 16}, .copy = true, .apply = 0}, MuonParams{}),
          sample({.shape = {33, 65}}, MuonParams{.match_rms_adamw = true}),
          sample({.shape = {70, 31}, .copy = true}, MuonParams{.iterations = 3})};
}

std::vector<ErrorSample> error_samples() {
  return {{update::sample({.shape = {4}}, {}).inputs, MuonParams{},
           "f32 of rank 2 or more, got f32[4]"}};
}

// run(arguments) for each matrix.
template <class Run>
void for_each_matrix(const KernelCall& call, const Run& run) {
  const auto& p = call.params.as<MuonParams>();
  const Shape& shape = call.outputs[0].type.shape;
  BFloat16* copy = update::copy(call);
  for (int64_t begin = 0; begin < shape.elements(); begin += shape_of(shape).elements())
    run(kernels::Muon{.parameters = call.out<float>(0) + begin,
                      .gradients = call.in<float>(update::kGradients) + begin,
                      .velocity = call.out<float>(1) + begin,
                      .copy = copy == nullptr ? nullptr : copy + begin,
                      .scalars = update::scalars(call),
                      .momentum = p.momentum,
                      .weight_decay = p.weight_decay,
                      .eps = p.eps,
                      .nesterov = p.nesterov,
                      .match_rms_adamw = p.match_rms_adamw,
                      .iterations = p.iterations});
}

}  // namespace

constinit const OpContract contracts::muon{
    .name = "muon",
    .summary = "momentum made orthogonal by Newton-Schulz iteration, in place",
    .min_inputs = 7,
    .max_inputs = 8,
    .infer = infer,
    .updates = update::kUpdates,
    .prepare = prepare,
    .workspace = workspace,
    .device_workspace = device_workspace,
    .reference = reference,
    .cost = cost,
    .samples = samples,
    .error_samples = error_samples};

void cpu::muon(const KernelCall& call) {
  const kernels::MuonPlan& plan = static_cast<const MuonState*>(call.state)->plan;
  for_each_matrix(
      call, [&](const kernels::Muon& args) { plan.execute(args, call.workspace, call.parallel); });
}

void cuda::muon(const KernelCall& call) {
  for_each_matrix(call, [&](const kernels::Muon& args) {
    kernels::muon(weft::cuda::Stream{call.device->stream},
                  kernels::MuonOnDevice{.args = args,
                                        .shape = shape_of(call.outputs[0].type.shape),
                                        .workspace = call.workspace});
  });
}

Updated muon(const UpdateOperands& operands, Value velocity, const MuonParams& params) {
  return update::apply(contracts::muon, operands, velocity, params);
}

}  // namespace weft::ops
