// The contracts of embedding and the gradient of its table.
#include "weft/ops/embedding.h"

#include "kernels/embedding/embedding.h"
#include "kernels/embedding/embedding_cuda.h"
#include "ops/contracts.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using namespace graph;

struct EmbeddingBackwardParams {
  int64_t rows = 0;  // V

  void visit(auto&& v) { v("rows", rows); }
};

Types infer(const TypesCall& call) {
  const TensorType &ids = call.type(0), &table = call.type(1);
  require(ids.dtype == DType::kI32 && ids.shape.rank() < Shape::kMaxRank, "embedding",
          "ids must be i32 with less than " + std::to_string(Shape::kMaxRank) + " axes, got " +
              ids.to_string());
  require(is_floating(table.dtype) && table.shape.rank() == 2, "embedding",
          "the table must be floating-point [V, C], got " + table.to_string());
  std::vector<int64_t> sizes(ids.shape.begin(), ids.shape.end());
  sizes.push_back(table.shape[1]);
  return {{table.dtype, Shape(sizes)}};
}

Types infer_backward(const TypesCall& call) {
  const TensorType &dy = call.type(0), &ids = call.type(1);
  require(ids.dtype == DType::kI32 && dy.shape.rows() == ids.shape.elements(), "embedding_backward",
          "dy must have a row for each id, got " + dy.to_string() + " and " + ids.to_string());
  const Shape table{call.params.as<EmbeddingBackwardParams>().rows, dy.shape.back()};
  check_accumulation(call, 2, table, "embedding_backward");
  return {{DType::kF32, table}};
}

Values gradient(const GradientCall& call) {
  return {Value(), apply(contracts::embedding_backward, {call.output_gradients[0], call.inputs[0]},
                         EmbeddingBackwardParams{call.inputs[1].shape()[0]})[0]};
}

void reference(const ReferenceCall& call) {
  const size_t C = static_cast<size_t>(call.shape(1).back());
  for (size_t i = 0; i < call.out(0).size(); ++i)
    call.out(0)[i] = call.in(1)[static_cast<size_t>(call.in(0)[i / C]) * C + i % C];
}

void reference_backward(const ReferenceCall& call) {
  const size_t C = static_cast<size_t>(call.shape(0).back());
  for (size_t i = 0; i < call.out(0).size(); ++i) call.out(0)[i] = accumulated(call, 2, 3, i);
  for (size_t i = 0; i < call.in(0).size(); ++i)
    call.out(0)[static_cast<size_t>(call.in(1)[i / C]) * C + i % C] += call.in(0)[i];
}

Cost cost(const TypesCall& call) {
  const double moved = static_cast<double>(call.shape(0).elements() * call.shape(1).back());
  return {.flops = 0, .bytes = 2 * moved * static_cast<double>(size_of(call.type(1).dtype))};
}

Cost cost_backward(const TypesCall& call) {
  return {.flops = static_cast<double>(call.shape(0).elements()),
          .bytes = static_cast<double>(call.type(0).bytes() + 2 * 4 * call.shape(0).elements())};
}

std::vector<Sample> samples() {
  return {{{integers({2, 3}, 0, 7), normal({7, 5})}},
          {{integers({2, 3, 4}, 0, 9), normal({9, 64})}},
          {{integers({1}, 0, 1), normal({1, 1})}},
          {{integers({40}, 0, 3), normal({3, 65})}}};
}

std::vector<Sample> samples_backward() {
  const auto flag = [](double f) { return values({DType::kF32, {1}}, {f}); };
  return {{{normal({2, 3, 5}), integers({2, 3}, 0, 7)}, EmbeddingBackwardParams{7}},
          {{normal({1, 1}), integers({1}, 0, 1)}, EmbeddingBackwardParams{1}},
          {{normal({40, 65}), integers({40}, 0, 3)}, EmbeddingBackwardParams{3}},
          {{normal({6, 63}), integers({6}, 0, 4), normal({4, 63})}, EmbeddingBackwardParams{4}},
          {{normal({6, 64}), integers({6}, 0, 4), normal({4, 64}), flag(0)},
           EmbeddingBackwardParams{4}},
          {{normal({6, 129}), integers({6}, 0, 4), normal({4, 129}), flag(1)},
           EmbeddingBackwardParams{4}}};
}

constexpr Slot kPrecision[] = {Slot::kFixed, Slot::kCompute};
constexpr Slot kPrecisionBackward[] = {Slot::kCompute, Slot::kFixed};
constexpr Accumulation kAccumulates[] = {{.output = 0, .into = 2, .flag = 3}};

}  // namespace

constinit const OpContract contracts::embedding{
    .name = "embedding",
    .summary = "y[n] = table[ids[n]]",
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .gradient = gradient,
    .saved_inputs = 1u << 0,
    .precision = kPrecision,
    .recompute = Recompute::kCheap,
    .reference = reference,
    .cost = cost,
    .samples = samples,
    .error_samples = [] {
      return std::vector<ErrorSample>{
          {{normal({2}), normal({3, 2})}, NoParams{}, "ids must be i32"}};
    }};

constinit const OpContract contracts::embedding_backward{
    .name = "embedding_backward",
    .summary = "dtable[v] = sum of dy[n] over ids[n] = v",
    .min_inputs = 2,
    .max_inputs = 4,
    .infer = infer_backward,
    .accumulates = kAccumulates,
    .precision = kPrecisionBackward,
    .reference = reference_backward,
    .cost = cost_backward,
    .samples = samples_backward,
    .error_samples = [] {
      return std::vector<ErrorSample>{
          {{normal({2, 4}), integers({3}, 0, 2)}, EmbeddingBackwardParams{2}, "a row for each id"}};
    }};

void cpu::embedding(const KernelCall& call) {
  const Shape& table = call.inputs[1].type.shape;
  with_element_type(call.outputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    start(
        call, [](const auto&... a) { kernels::embedding_forward(a...); },
        kernels::EmbeddingForward<T>{.ids_N = call.in<int32_t>(0),
                                     .table_VC = call.in<T>(1),
                                     .y_NC = call.out<T>(0),
                                     .N = call.inputs[0].type.shape.elements(),
                                     .V = table[0],
                                     .C = table[1]});
  });
}

void cuda::embedding(const KernelCall& call) {
  cpu::embedding(call);
}

void cpu::embedding_backward(const KernelCall& call) {
  const Shape& table = call.outputs[0].type.shape;
  with_element_type(call.inputs[0].type.dtype, [&](auto element) {
    using T = decltype(element);
    start(
        call, [](const auto&... a) { kernels::embedding_backward(a...); },
        kernels::EmbeddingBackward<T>{.ids_N = call.in<int32_t>(1),
                                      .dy_NC = call.in<T>(0),
                                      .dtable_VC = call.out<float>(0),
                                      .accumulate = accumulate_flag(call, 2, 3),
                                      .N = call.inputs[1].type.shape.elements(),
                                      .V = table[0],
                                      .C = table[1]});
  });
}

void cuda::embedding_backward(const KernelCall& call) {
  cpu::embedding_backward(call);
}

Value embedding(Value ids, Value table) {
  return apply(contracts::embedding, {ids, table})[0];
}

}  // namespace weft::ops
