// The contract of rotary, which is its own gradient with the turn reversed, and the table of
// angles.
#include "weft/ops/rotary.h"

#include <cmath>
#include <sstream>

#include "kernels/rotary/rotary.h"
#include "kernels/rotary/rotary_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"
#include "weft/portable_math.h"

namespace weft::ops {
namespace {

using namespace graph;

int64_t row_width(const RotaryParams& p) {
  return (p.heads + 2 * p.kv_heads) * p.head_dim;
}

Types infer(const TypesCall& call) {
  const RotaryParams& p = call.params.as<RotaryParams>();
  const TensorType &x = call.type(0), &positions = call.type(1), &table = call.type(2);
  require(x.shape.rank() >= 1 && x.shape.back() == row_width(p), "rotary",
          "the last axis must be (heads + 2 kv_heads) head_dim = " + std::to_string(row_width(p)) +
              ", got " + x.to_string());
  require(positions.dtype == DType::kI32 && positions.shape.elements() == x.shape.rows(), "rotary",
          "positions must be i32, one for each row, got " + positions.to_string());
  require(table.dtype == DType::kF32 && table.shape.rank() == 3 && table.shape[1] == 2 &&
              2 * table.shape[2] <= p.head_dim,
          "rotary",
          "the table must be f32 [P, 2, R/2] with R at most head_dim = " +
              std::to_string(p.head_dim) + ", got " + table.to_string());
  return {x};
}

Values gradient(const GradientCall& call) {
  RotaryParams back = call.params.as<RotaryParams>();
  back.inverse = !back.inverse;
  return {rotary(call.output_gradients[0], call.inputs[1], call.inputs[2], back), Value(), Value()};
}

void reference(const ReferenceCall& call) {
  const RotaryParams& p = call.params.as<RotaryParams>();
  const int64_t half = call.shape(2)[2], D = p.head_dim;
  call.out(0) = call.in(0);
  for (int64_t n = 0; n < call.shape(0).rows(); ++n)
    for (int64_t head = 0; head < p.heads + p.kv_heads; ++head)
      for (int64_t i = 0; i < half; ++i) {
        const auto angle = static_cast<size_t>(
            static_cast<int64_t>(call.in(1)[static_cast<size_t>(n)]) * 2 * half + i);
        const double cos = call.in(2)[angle];
        const double sin = call.in(2)[angle + static_cast<size_t>(half)] * (p.inverse ? -1 : 1);
        const auto a = static_cast<size_t>(n * row_width(p) + head * D + i);
        const size_t b = a + static_cast<size_t>(half);
        call.out(0)[a] = call.in(0)[a] * cos - call.in(0)[b] * sin;
        call.out(0)[b] = call.in(0)[b] * cos + call.in(0)[a] * sin;
      }
}

Cost cost(const TypesCall& call) {
  return {.flops = 3.0 * static_cast<double>(call.shape(0).elements()),
          .bytes = 2.0 * static_cast<double>(call.type(0).bytes())};
}

Sample sample(Shape rows, int64_t half, const RotaryParams& params) {
  std::vector<int64_t> sizes(rows.begin(), rows.end());
  sizes.push_back(row_width(params));
  SampleInput table = normal({5, 2, half});
  table.fill = SampleInput::Fill::kValues;  // no gradient goes to a constant
  for (int64_t i = 0; i < 10 * half; ++i)
    table.values.push_back(std::cos(0.37 * static_cast<double>(i)));
  return {{normal(Shape(sizes)), integers(rows, 0, 5), table}, params};
}

std::vector<Sample> samples() {
  return {sample({2, 3}, 2, {.heads = 2, .kv_heads = 1, .head_dim = 4}),
          sample({1}, 1, {.heads = 1, .kv_heads = 1, .head_dim = 2}),
          sample({7}, 8, {.heads = 4, .kv_heads = 2, .head_dim = 20}),
          sample({3}, 17, {.heads = 1, .kv_heads = 1, .head_dim = 34, .inverse = true}),
          sample({300}, 16, {.heads = 3, .kv_heads = 3, .head_dim = 32})};
}

std::vector<ErrorSample> error_samples() {
  const RotaryParams params{.heads = 2, .kv_heads = 1, .head_dim = 4};
  return {{{normal({3, 15}), integers({3}, 0, 5), normal({5, 2, 2})},
           params,
           "(heads + 2 kv_heads) head_dim = 16"},
          {{normal({3, 16}), integers({3}, 0, 5), normal({5, 2, 3})},
           params,
           "R at most head_dim = 4"}};
}

constexpr Pair kMayAlias[] = {{.input = 0, .output = 0}};
constexpr Slot kPrecision[] = {Slot::kCompute, Slot::kFixed, Slot::kF32};

// Llama 3.1's rule: long waves are stretched by `factor`, short ones are left, those between are
// interpolated.
double scaled_frequency(const RotaryTable& t, double frequency) {
  if (t.scaling == RotaryTable::Scaling::kNone) return frequency;
  if (t.scaling == RotaryTable::Scaling::kLinear) return frequency / t.factor;
  const double length = static_cast<double>(t.original_positions);
  const double waves = length * frequency / (2 * 3.14159265358979323846);  // in that length
  if (waves < t.low_freq_factor) return frequency / t.factor;
  if (waves > t.high_freq_factor) return frequency;
  const double smooth = (waves - t.low_freq_factor) / (t.high_freq_factor - t.low_freq_factor);
  return (1 - smooth) * frequency / t.factor + smooth * frequency;
}

}  // namespace

constinit const OpContract contracts::rotary{.name = "rotary",
                                             .summary = "turns pairs of q and k by their position",
                                             .min_inputs = 3,
                                             .max_inputs = 3,
                                             .infer = infer,
                                             .gradient = gradient,
                                             .saved_inputs = 1u << 1 | 1u << 2,
                                             .may_alias = kMayAlias,
                                             .precision = kPrecision,
                                             .recompute = Recompute::kCheap,
                                             .reference = reference,
                                             .cost = cost,
                                             .samples = samples,
                                             .error_samples = error_samples};

void cpu::rotary(const KernelCall& call) {
  const RotaryParams& p = call.params.as<RotaryParams>();
  const Shape& table = call.inputs[2].type.shape;
  with_element_type(call.outputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    start(
        call, [](const auto&... a) { kernels::rotary(a...); },
        kernels::Rotary<T>{.x_NW = call.in<T>(0),
                           .positions_N = call.in<int32_t>(1),
                           .table_P2R = call.in<float>(2),
                           .y_NW = call.out<T>(0),
                           .N = call.inputs[0].type.shape.rows(),
                           .H = p.heads,
                           .K = p.kv_heads,
                           .D = p.head_dim,
                           .R = 2 * table[2],
                           .P = table[0],
                           .inverse = p.inverse});
  });
}

void cuda::rotary(const KernelCall& call) {
  cpu::rotary(call);
}

Value rotary(Value qkv, Value positions, Value table, const RotaryParams& params) {
  return apply(contracts::rotary, {qkv, positions, table}, params)[0];
}

namespace {

// Tables that turn by other angles have other names in a graph.
std::string table_name(const RotaryTable& t) {
  std::ostringstream name;
  name << "rotary_table(" << t.positions << ", " << t.rotary_dim << ", " << t.theta;
  if (t.scaling != RotaryTable::Scaling::kNone) name << ", " << t.factor;
  if (t.scaling == RotaryTable::Scaling::kLlama3)
    name << ", " << t.low_freq_factor << ", " << t.high_freq_factor << ", " << t.original_positions;
  name << ")";
  return name.str();
}

}  // namespace

Value rotary_table(Graph& graph, const RotaryTable& t) {
  require(t.rotary_dim > 0 && t.rotary_dim % 2 == 0, "rotary_table",
          "rotary_dim must be even and positive, got " + std::to_string(t.rotary_dim));
  require(t.positions > 0, "rotary_table", "needs at least one position");
  const int64_t half = t.rotary_dim / 2;
  std::vector<float> angles(static_cast<size_t>(t.positions * 2 * half));
  for (int64_t i = 0; i < half; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(t.rotary_dim);
    const double frequency = scaled_frequency(t, portable::pow(t.theta, exponent));
    for (int64_t position = 0; position < t.positions; ++position) {
      const portable::SinCos angle = portable::sin_cos(static_cast<double>(position) * frequency);
      const auto at = static_cast<size_t>(position * 2 * half + i);
      angles[at] = static_cast<float>(angle.cos);
      angles[at + static_cast<size_t>(half)] = static_cast<float>(angle.sin);
    }
  }
  return graph.constant(table_name(t), {t.positions, 2, half}, angles);
}

}  // namespace weft::ops
