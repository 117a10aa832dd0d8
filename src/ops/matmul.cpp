// The contract of matmul; its gradients are matmuls too. Leading axes are taken one matrix after
// the other, all threads on one: meant for a few large products.
#include "weft/ops/matmul.h"

#include "ops/contracts.h"
#include "ops/gemm_state.h"

namespace weft::ops {
namespace {

using namespace graph;

const MatmulParams& params_of(const Params& params) {
  return params.as<MatmulParams>();
}

// Sizes of op(a) [m, k] and op(b) [k, n], and how many of them there are.
struct MatmulShape {
  int64_t batch, m, n, k, k_of_b;
};

MatmulShape shape_of(const TypesCall& call) {
  const MatmulParams& p = params_of(call.params);
  const Shape &a = call.shape(0), &b = call.shape(1);
  const int64_t m = a[p.transpose_a ? -1 : -2], k = a[p.transpose_a ? -2 : -1];
  const int64_t n = b[p.transpose_b ? -2 : -1], k_of_b = b[p.transpose_b ? -1 : -2];
  return {a.elements() / (m * k), m, n, k, k_of_b};
}

bool equal_leading_sizes(const Shape& a, const Shape& b) {
  if (a.rank() != b.rank()) return false;
  for (int i = 0; i + 2 < a.rank(); ++i)
    if (a[i] != b[i]) return false;
  return true;
}

Types infer(const TypesCall& call) {
  const TensorType &a = call.type(0), &b = call.type(1);
  const std::string given = ", got " + a.to_string() + " and " + b.to_string();
  require(a.dtype == b.dtype && (a.dtype == DType::kF32 || a.dtype == DType::kBF16), "matmul",
          "a and b must both be f32 or both bf16" + given);
  require(a.shape.rank() >= 2 && equal_leading_sizes(a.shape, b.shape) && a.shape.elements() > 0 &&
              b.shape.elements() > 0,
          "matmul", "a and b must be matrices, or stacks of equally many, none empty" + given);
  const MatmulShape s = shape_of(call);
  require(s.k == s.k_of_b, "matmul",
          "the inner sizes differ: " + std::to_string(s.k) + " and " + std::to_string(s.k_of_b) +
              given + ", " + call.params.describe());
  std::vector<int64_t> sizes(a.shape.begin(), a.shape.end());
  sizes[sizes.size() - 2] = s.m;
  sizes[sizes.size() - 1] = s.n;
  return {{a.dtype, Shape(sizes)}};
}

// With A = op(a), B = op(b): dA = dC B^T and dB = A^T dC, transposed where a or b is.
Values gradient(const GradientCall& call) {
  const auto [ta, tb] = params_of(call.params);
  const Value a = call.inputs[0], b = call.inputs[1], dc = call.output_gradients[0];
  Values result(2);
  if (call.wants(0)) result[0] = ta ? matmul(b, dc, {tb, true}) : matmul(dc, b, {false, !tb});
  if (call.wants(1)) result[1] = tb ? matmul(dc, a, {true, ta}) : matmul(a, dc, {!ta, false});
  return result;
}

kernels::GemmSpec spec_of(const TypesCall& call) {
  const MatmulShape s = shape_of(call);
  const MatmulParams& p = params_of(call.params);
  return {.m = s.m,
          .n = s.n,
          .k = s.k,
          .trans_a = p.transpose_a,
          .trans_b = p.transpose_b,
          .input = call.type(0).dtype,
          .output = call.type(0).dtype};
}

std::unique_ptr<KernelState> prepare(const PrepareCall& call) {
  return std::make_unique<GemmState>(kernels::GemmPlan(spec_of(call.types), call.threads));
}

int64_t workspace(const PrepareCall& call) {
  return static_cast<int64_t>(kernels::GemmPlan::scratch_bytes(spec_of(call.types), call.threads));
}

void reference(const ReferenceCall& call) {
  const auto [ta, tb] = params_of(call.params);
  const auto size = [](int64_t n) { return static_cast<size_t>(n); };
  const Shape &a = call.shape(0), &b = call.shape(1);
  const size_t m = size(a[ta ? -1 : -2]), k = size(a[ta ? -2 : -1]), n = size(b[tb ? -2 : -1]);
  for (size_t i = 0; i < call.out(0).size(); ++i) {
    const size_t matrix = i / (m * n), row = i / n % m, column = i % n;
    for (size_t j = 0; j < k; ++j)
      call.out(0)[i] += call.in(0)[matrix * m * k + (ta ? j * m + row : row * k + j)] *
                        call.in(1)[matrix * k * n + (tb ? column * k + j : j * n + column)];
  }
}

Cost cost(const TypesCall& call) {
  Cost cost = gemm_cost(spec_of(call));
  const double batch = static_cast<double>(shape_of(call).batch);
  return {.flops = batch * cost.flops, .bytes = batch * cost.bytes};
}

std::vector<Sample> samples() {
  using P = MatmulParams;
  return {{{normal({2, 3, 5}), normal({2, 5, 4})}, P{false, false}},
          {{normal({2, 5, 3}), normal({2, 5, 4})}, P{true, false}},
          {{normal({2, 3, 5}), normal({2, 4, 5})}, P{false, true}},
          {{normal({2, 2, 5, 3}), normal({2, 2, 4, 5})}, P{true, true}},
          {{normal({1, 1}), normal({1, 1})}, P{}},
          {{normal({4, 9}), normal({9, 255})}, P{}},  // thin products, then tiles and their edges
          {{normal({5, 9}), normal({9, 256})}, P{}},
          {{normal({129, 9}), normal({257, 9})}, P{false, true}},
          {{normal({1025, 5}), normal({1025, 3})}, P{true, false}}};
}

std::vector<ErrorSample> error_samples() {
  using P = MatmulParams;
  return {{{normal({2, 3}), normal({2, 3})}, P{}, "the inner sizes differ: 3 and 2"},
          {{normal({2, 3}), normal({2, 3, 4})}, P{}, "stacks of equally many"},
          {{normal({2, 0}), normal({0, 3})}, P{}, "none empty"},
          {{normal({2, 3}), integers({3, 2}, 0, 2)}, P{}, "both be f32 or both bf16"}};
}

constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kCompute};

}  // namespace

constinit const OpContract contracts::matmul{.name = "matmul",
                                             .summary = "c = op(a) op(b)",
                                             .min_inputs = 2,
                                             .max_inputs = 2,
                                             .infer = infer,
                                             .gradient = gradient,
                                             .saved_inputs = 0b11,
                                             .prepare = prepare,
                                             .workspace = workspace,
                                             .precision = kPrecision,
                                             .reference = reference,
                                             .cost = cost,
                                             .samples = samples,
                                             .error_samples = error_samples};

void cpu::matmul(const KernelCall& call) {
  const kernels::GemmPlan& plan = gemm_plan(call);
  const kernels::GemmSpec& s = plan.spec();
  const int64_t size = size_of(s.input),
                batch = call.outputs[0].type.shape.elements() / (s.m * s.n);
  const auto matrix = [&](const Tensor& tensor, int64_t i, int64_t elements) {
    return static_cast<std::byte*>(tensor.data) + i * elements * size;
  };
  for (int64_t i = 0; i < batch; ++i) {
    plan.execute({.a = matrix(call.inputs[0], i, s.m * s.k),
                  .b = matrix(call.inputs[1], i, s.k * s.n),
                  .c = matrix(call.outputs[0], i, s.m * s.n)},
                 call.workspace, call.parallel);
  }
}

void cuda::matmul(const KernelCall& call) {
  const kernels::GemmSpec s = spec_of(OperandTypes(call).call());
  const int64_t size = size_of(s.input),
                batch = call.outputs[0].type.shape.elements() / (s.m * s.n);
  const auto matrix = [&](const Tensor& tensor, int64_t i, int64_t elements) {
    return static_cast<std::byte*>(tensor.data) + i * elements * size;
  };
  for (int64_t i = 0; i < batch; ++i)
    launch_gemm(call, s,
                {.a = matrix(call.inputs[0], i, s.m * s.k),
                 .b = matrix(call.inputs[1], i, s.k * s.n),
                 .c = matrix(call.outputs[0], i, s.m * s.n)});
}

Value matmul(Value a, Value b, const MatmulParams& params) {
  return apply(contracts::matmul, {a, b}, params)[0];
}

}  // namespace weft::ops
