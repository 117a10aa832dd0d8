// The contract of accumulate: sum += x in place, which is how gradients of micro-batches add up.
#include "weft/ops/accumulate.h"

#include "ops/contracts.h"
#include "ops/elementwise_loop.h"

namespace weft::ops {
namespace {

using namespace graph;

Types infer(const TypesCall& call) {
  require(call.type(0).dtype == DType::kF32, "accumulate",
          "the sum must be f32, got " + call.type(0).to_string());
  require(call.shape(0) == call.shape(1) && is_floating(call.type(1).dtype), "accumulate",
          "x must be floating-point of the sum's shape " + call.shape(0).to_string() + ", got " +
              call.type(1).to_string());
  require(!call.has(2) || call.type(2) == TensorType{DType::kF32, {1}}, "accumulate",
          "the flag must be f32[1]");
  return {call.type(0)};
}

void reference(const ReferenceCall& call) {
  const bool add = !call.has(2) || call.in(2)[0] != 0;
  for (size_t i = 0; i < call.out(0).size(); ++i)
    call.out(0)[i] = (add ? call.in(0)[i] : 0.0) + call.in(1)[i];
}

Cost cost(const TypesCall& call) {
  return {.flops = static_cast<double>(call.shape(0).elements()),
          .bytes = static_cast<double>(2 * call.type(0).bytes() + call.type(1).bytes())};
}

std::vector<Sample> samples() {
  return {{{normal({2, 3, 5}), normal({2, 3, 5})}},
          {{normal({1}), normal({1}), values({DType::kF32, {1}}, {0})}},
          {{normal({kElementwiseTile + 1}), normal({kElementwiseTile + 1}),
            values({DType::kF32, {1}}, {1})}}};
}

std::vector<ErrorSample> error_samples() {
  return {{{normal({2, 3}), normal({3, 2})}, NoParams{}, "of the sum's shape [2, 3]"}};
}

template <class T>
void run(const KernelCall& call) {
  const bool add = !call.has(2) || *call.in<float>(2) != 0.0f;
  const T* x = call.in<T>(1);
  float* sum = call.out<float>(0);
  for_each_range(call.parallel, call.outputs[0].type.shape.elements(), [=](int64_t i, int64_t end) {
    for (; i < end; ++i) sum[i] = (add ? sum[i] : 0.0f) + static_cast<float>(x[i]);
  });
}

constexpr Pair kUpdates[] = {{.input = 0, .output = 0}};
constexpr Slot kPrecision[] = {Slot::kFixed, Slot::kCompute, Slot::kFixed};

}  // namespace

constinit const OpContract contracts::accumulate{.name = "accumulate",
                                                 .summary = "sum = sum * flag + x, in place",
                                                 .min_inputs = 2,
                                                 .max_inputs = 3,
                                                 .infer = infer,
                                                 .updates = kUpdates,
                                                 .precision = kPrecision,
                                                 .reference = reference,
                                                 .cost = cost,
                                                 .samples = samples,
                                                 .error_samples = error_samples};

void cpu::accumulate(const KernelCall& call) {
  if (call.inputs[1].type.dtype == DType::kBF16) return run<BFloat16>(call);
  run<float>(call);
}

Value accumulate(Value sum, Value x, Value flag) {
  return apply(contracts::accumulate, {sum, x, flag})[0];
}

}  // namespace weft::ops
