// The whole contract of an operator in one struct. Shape rule, gradient, reference, samples, cost:
// autodiff, passes, planner, executor, tests and documentation read it and name no operator.
//
// Kernels are not in it. They stand in tables indexed by the operator's place in ops.def
// (graph/registry.h), one table per backend.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/params.h"
#include "weft/graph.h"
#include "weft/parallel_for.h"
#include "weft/shape.h"

namespace weft::graph {

// ---- Types -------------------------------------------------------------------------------------

// The types of a node's inputs, for shape rules, costs and workspaces. Inputs that were left out
// are null; trailing ones need not be listed.
struct TypesCall {
  std::span<const TensorType* const> inputs;
  const Params& params;

  bool has(size_t i) const { return i < inputs.size() && inputs[i] != nullptr; }
  const TensorType& type(size_t i) const {
    WEFT_ASSERT(has(i));
    return *inputs[i];
  }
  const Shape& shape(size_t i) const { return type(i).shape; }
};
using Types = std::vector<TensorType>;

// ---- Gradient ----------------------------------------------------------------------------------

using Values = std::vector<Value>;

struct GradientCall {
  std::span<const Value> inputs;  // absent where they were left out
  std::span<const Value> outputs;
  std::span<const Value> output_gradients;  // absent: nothing depends on that output
  std::span<const char> wanted;             // by input: does anything want its gradient?
  const Params& params;

  bool wants(size_t i) const { return i < wanted.size() && wanted[i] != 0; }
};

// ---- Execution ---------------------------------------------------------------------------------

struct Tensor {
  void* data = nullptr;  // null: the operand was left out
  TensorType type = {};

  template <class T>
  T* as() const {
    WEFT_ASSERT(data == nullptr || type.dtype == kDTypeOf<std::remove_const_t<T>>);
    return static_cast<T*>(data);
  }
};

// What an operator prepares once per program for its shapes: library primitives, tables.
struct KernelState {
  virtual ~KernelState() = default;
};

struct PrepareCall {
  TypesCall types;
  std::span<const TensorType> outputs;
  int threads;
};

// What a kernel on a GPU needs beside its operands, which then lie on the device: it reads none of
// them on the host.
struct DeviceCall {
  void* stream = nullptr;      // on which the kernel is put; nothing waits
  const float* one = nullptr;  // 1.0f in the device's memory: a flag that is always set
};

struct KernelCall {
  std::span<const Tensor> inputs;
  std::span<const Tensor> outputs;
  const Params& params;
  KernelState* state;    // what prepare() returned
  std::byte* workspace;  // as many bytes as workspace() asked for, 64-byte aligned
  const ParallelFor& parallel;
  const DeviceCall* device = nullptr;  // null on the CPU

  bool has(size_t i) const { return i < inputs.size() && inputs[i].data != nullptr; }
  // Input `i`, which is null if it was left out.
  template <class T>
  const T* in(size_t i) const {
    return has(i) ? inputs[i].as<T>() : nullptr;
  }
  template <class T>
  T* out(size_t i) const {
    return outputs[i].as<T>();
  }
};
using Kernel = void (*)(const KernelCall&);

// Float64 tensors of the reference: every dtype, integers too, as doubles.
struct ReferenceTensor {
  TensorType type = {};
  std::vector<double> data;
};

struct ReferenceCall {
  std::span<const ReferenceTensor* const> inputs;  // null: left out
  std::span<ReferenceTensor> outputs;              // shaped and zeroed
  const Params& params;

  bool has(size_t i) const { return i < inputs.size() && inputs[i] != nullptr; }
  const std::vector<double>& in(size_t i) const {
    WEFT_ASSERT(has(i));
    return inputs[i]->data;
  }
  const Shape& shape(size_t i) const { return inputs[i]->type.shape; }
  std::vector<double>& out(size_t i) const { return outputs[i].data; }
};

// ---- What passes read --------------------------------------------------------------------------

// A pair of an input and an output that share memory.
struct Pair {
  uint8_t input;
  uint8_t output;
};

// An output that can be added into a given buffer: `into` is the optional input that holds the
// buffer (the output then is that buffer), `flag` the optional f32[1] input that says at run time
// whether to overwrite (0) or to add (1); without it, the output is added.
struct Accumulation {
  uint8_t output;
  uint8_t into;
  uint8_t flag;
};

// `output` of this operator equals output `forward_output` of the operator `forward` when given the
// same inputs (`inputs`: this operator's input for each input of `forward`). A gradient that
// computes the forward result on its way says so, and the forward node is dropped from training.
struct Subsumes {
  const struct OpContract* forward = nullptr;
  std::span<const Pair> outputs;  // .input: output of `forward`; .output: output of this
  std::span<const uint8_t> inputs;
};

// Two operators that the contract does at once: one of `seconds` reads what `first` makes as its
// first operand. Inputs are those of `first`; outputs are that of the second and, if it is kept,
// that of the first, all of the same bits as before.
struct Fuses {
  const struct OpContract* first = nullptr;
  std::span<const struct OpContract* const> seconds = {};
  Params (*params)(const Params& first, const struct OpContract& second, const Params& of_second,
                   bool first_is_kept) = nullptr;
};

// Precision of an operand when a program computes in bf16.
enum class Slot : uint8_t {
  kCompute,  // given in the compute type
  kF32,      // always fp32: norm scales, statistics, sums
  kFixed,    // as it is: integers, keys, buffers
};

enum class Recompute : uint8_t {
  kCheap,      // selective recompute may run it again instead of keeping its outputs
  kExpensive,  // only full recompute does
};

enum class Determinism : uint8_t {
  kFixedOrder,  // same bits whatever the number of threads
  kOrderOfArrival,
};

struct Cost {
  double flops = 0;
  double bytes = 0;  // least traffic: every operand once
};

// ---- Tests -------------------------------------------------------------------------------------

// An input of a sample and how it is filled.
struct SampleInput {
  enum class Fill : uint8_t { kNormal, kInteger, kValues, kAbsent, kPositive } fill = Fill::kNormal;
  TensorType type = {};
  double low = 0, high = 1;         // kInteger: [low, high)
  std::vector<double> values = {};  // kValues
};

struct Sample {
  std::vector<SampleInput> inputs;
  Params params = {};
};

struct ErrorSample {
  std::vector<SampleInput> inputs;
  Params params;
  std::string_view message;  // a part of the message
};

// ---- The contract ------------------------------------------------------------------------------

struct OpContract {
  std::string_view name;
  std::string_view summary;  // one line with the formula
  uint8_t min_inputs = 0;
  uint8_t max_inputs = 0;

  // Output types; also the argument check (throws Error).
  Types (*infer)(const TypesCall&) = nullptr;
  // One entry per input; an absent Value says that there is no gradient (integers). Null: the
  // operator cannot be differentiated (gradient and update operators).
  Values (*gradient)(const GradientCall&) = nullptr;
  // Which inputs and outputs the gradient reads, as bits. The engine checks it.
  uint32_t saved_inputs = 0;
  uint32_t saved_outputs = 0;

  // Outputs, as bits, that only the gradient reads and through which no gradient flows.
  uint32_t statistics = 0;

  std::span<const Pair> updates = {};    // the output is the input's memory, changed in place
  std::span<const Pair> may_alias = {};  // the output may take the input's memory
  std::span<const Accumulation> accumulates = {};
  Subsumes subsumes = {};
  Fuses fuses = {};

  std::unique_ptr<KernelState> (*prepare)(const PrepareCall&) = nullptr;
  int64_t (*workspace)(const PrepareCall&) = nullptr;  // bytes; null: none
  // The same of a GPU's kernels: known without a GPU, so that plans are.
  int64_t (*device_workspace)(const PrepareCall&) = nullptr;

  std::span<const Slot> precision = {};  // by input; the last entry stands for all that follow
  Recompute recompute = Recompute::kExpensive;
  Determinism determinism = Determinism::kFixedOrder;
  bool random = false;  // its result depends on a random-number key

  void (*reference)(const ReferenceCall&) = nullptr;
  // The same meaning in simpler operators, one Value per output (absent: not comparable).
  Values (*fallback)(std::span<const Value> inputs, const Params&) = nullptr;
  Cost (*cost)(const TypesCall&) = nullptr;
  std::vector<Sample> (*samples)() = nullptr;
  std::vector<ErrorSample> (*error_samples)() = nullptr;
};

// Makes a node: checks arity and types by the contract, appends it to the graph of the first
// present input, and returns its outputs. Trailing absent inputs may be left out.
Values apply(const OpContract& contract, std::vector<Value> inputs, Params params = NoParams{});

// ---- Helpers for contracts ---------------------------------------------------------------------

// Throws Error("<op>: <message>") if `condition` does not hold.
inline void require(bool condition, std::string_view op, const std::string& message) {
  if (!condition) throw Error(std::string(op) + ": " + message);
}

inline SampleInput normal(Shape shape) {
  return {.type = {DType::kF32, shape}};
}
inline SampleInput positive(Shape shape) {
  return {.fill = SampleInput::Fill::kPositive, .type = {DType::kF32, shape}};
}
inline SampleInput integers(Shape shape, int64_t low, int64_t high) {
  return {.fill = SampleInput::Fill::kInteger,
          .type = {DType::kI32, shape},
          .low = static_cast<double>(low),
          .high = static_cast<double>(high)};
}
inline SampleInput values(TensorType type, std::vector<double> data) {
  return {.fill = SampleInput::Fill::kValues, .type = type, .values = std::move(data)};
}
inline SampleInput absent() {
  return {.fill = SampleInput::Fill::kAbsent};
}

}  // namespace weft::graph
