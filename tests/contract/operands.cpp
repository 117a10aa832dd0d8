#include "operands.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "weft/philox.h"

namespace weft::test {

using graph::KernelCall;
using graph::OpContract;
using graph::Pair;
using graph::ReferenceTensor;
using graph::Sample;
using graph::SampleInput;
using graph::Slot;
using graph::Tensor;

FencedMemory::FencedMemory(int64_t bytes)
    : storage_(static_cast<size_t>(bytes + 2 * kFence + 64), std::byte{0xFF}), bytes_(bytes) {
  const auto address = reinterpret_cast<uintptr_t>(storage_.data()) + kFence;
  start_ = kFence + static_cast<int64_t>((64 - address % 64) % 64);
}

bool FencedMemory::fences_intact() const {
  const auto intact = [](std::byte b) { return b == std::byte{0xFF}; };
  return std::all_of(storage_.begin(), storage_.begin() + start_, intact) &&
         std::all_of(storage_.begin() + start_ + bytes_, storage_.end(), intact);
}

namespace {

double round_to(DType dtype, double value) {
  if (dtype == DType::kBF16) return static_cast<float>(BFloat16(static_cast<float>(value)));
  return dtype == DType::kF32 ? static_cast<float>(value) : value;
}

TensorType given_type(const OpContract& contract, size_t i, const TensorType& type, DType compute) {
  if (type.dtype != DType::kF32 || contract.precision.empty()) return type;
  const Slot slot = contract.precision[std::min(i, contract.precision.size() - 1)];
  return slot == Slot::kCompute ? TensorType{compute, type.shape} : type;
}

double fill(const SampleInput& input, uint64_t key, size_t i) {
  if (input.fill == SampleInput::Fill::kValues) return input.values.at(i);
  const PhiloxBlock words = philox(key, i);
  if (input.fill == SampleInput::Fill::kInteger)
    return std::floor(input.low + (input.high - input.low) * uniform_from(words[0]));
  const double number = normal_from(words[0], words[1])[0];
  return input.fill == SampleInput::Fill::kPositive ? 0.5 + std::abs(number) : number;
}

template <class T>
void store_as(const ReferenceTensor& from, std::byte* to) {
  for (size_t i = 0; i < from.data.size(); ++i) {
    T value;
    if constexpr (std::is_same_v<T, BFloat16>) value = T(static_cast<float>(from.data[i]));
    else value = static_cast<T>(from.data[i]);
    std::memcpy(to + i * sizeof(T), &value, sizeof(T));
  }
}

template <class T>
std::vector<double> load_as(int64_t n, const std::byte* from) {
  std::vector<double> result(static_cast<size_t>(n));
  for (size_t i = 0; i < result.size(); ++i) {
    T value;
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    if constexpr (std::is_same_v<T, BFloat16>) result[i] = static_cast<float>(value);
    else result[i] = static_cast<double>(value);
  }
  return result;
}

}  // namespace

std::optional<size_t> shared_input(const KernelSetup& setup, size_t o, const Pair* alias) {
  const auto given = [&](size_t i) {
    return i < setup.sample.inputs.size() &&
           setup.sample.inputs[i].fill != SampleInput::Fill::kAbsent;
  };
  for (const Pair& p : setup.contract.updates)
    if (p.output == o && given(p.input)) return p.input;
  for (const auto& a : setup.contract.accumulates)
    if (a.output == o && given(a.into)) return a.into;
  if (alias != nullptr && alias->output == o) return alias->input;
  return std::nullopt;
}

void store(const ReferenceTensor& from, std::byte* to) {
  switch (from.type.dtype) {
    case DType::kF32: return store_as<float>(from, to);
    case DType::kBF16: return store_as<BFloat16>(from, to);
    case DType::kF64: return store_as<double>(from, to);
    case DType::kI32: return store_as<int32_t>(from, to);
    case DType::kI64: return store_as<int64_t>(from, to);
    case DType::kU8: return store_as<uint8_t>(from, to);
    case DType::kF16: break;
  }
  throw Error("no test stores f16");
}

std::vector<double> load(const TensorType& type, const std::byte* from) {
  const int64_t n = type.shape.elements();
  switch (type.dtype) {
    case DType::kF32: return load_as<float>(n, from);
    case DType::kBF16: return load_as<BFloat16>(n, from);
    case DType::kF64: return load_as<double>(n, from);
    case DType::kI32: return load_as<int32_t>(n, from);
    case DType::kI64: return load_as<int64_t>(n, from);
    case DType::kU8: return load_as<uint8_t>(n, from);
    case DType::kF16: break;
  }
  throw Error("no test loads f16");
}

std::vector<ReferenceTensor> make_inputs(const OpContract& contract, const Sample& sample,
                                         DType compute, uint64_t seed) {
  std::vector<ReferenceTensor> result;
  for (size_t i = 0; i < sample.inputs.size(); ++i) {
    const SampleInput& input = sample.inputs[i];
    ReferenceTensor tensor{given_type(contract, i, input.type, compute), {}};
    if (input.fill != SampleInput::Fill::kAbsent)
      tensor.data.resize(static_cast<size_t>(input.type.shape.elements()));
    for (size_t e = 0; e < tensor.data.size(); ++e)
      tensor.data[e] = round_to(tensor.type.dtype, fill(input, seed * 100 + i, e));
    result.push_back(std::move(tensor));
  }
  return result;
}

std::vector<const ReferenceTensor*> pointers(const Sample& sample,
                                             const std::vector<ReferenceTensor>& in) {
  std::vector<const ReferenceTensor*> result;
  for (size_t i = 0; i < in.size(); ++i)
    result.push_back(sample.inputs[i].fill == SampleInput::Fill::kAbsent ? nullptr : &in[i]);
  return result;
}

std::vector<std::byte> KernelRun::bytes(size_t i) const {
  const auto* data = static_cast<const std::byte*>(output_tensors[i].data);
  return {data, data + output_tensors[i].type.bytes()};
}

KernelRun run_kernel(const KernelSetup& setup, const ParallelFor& parallel, const Pair* alias) {
  KernelRun run;
  std::vector<Tensor> inputs;
  std::vector<const TensorType*> types;
  const auto given = pointers(setup.sample, setup.inputs);
  for (const ReferenceTensor* in : given) {
    run.inputs.push_back(in == nullptr ? nullptr
                                       : std::make_unique<FencedMemory>(in->type.bytes()));
    if (in != nullptr) store(*in, run.inputs.back()->data());
    inputs.push_back(in == nullptr ? Tensor{} : Tensor{run.inputs.back()->data(), in->type});
    types.push_back(in == nullptr ? nullptr : &in->type);
  }
  const graph::TypesCall types_call{types, setup.sample.params};
  const graph::Types output_types = setup.contract.infer(types_call);
  std::vector<char> changed(inputs.size(), 0);
  for (size_t o = 0; o < output_types.size(); ++o) {
    const auto shared = shared_input(setup, o, alias);
    run.outputs.push_back(shared ? nullptr
                                 : std::make_unique<FencedMemory>(output_types[o].bytes()));
    if (shared) changed[*shared] = 1;
    run.output_tensors.push_back(
        {shared ? inputs[*shared].data : run.outputs.back()->data(), output_types[o]});
  }
  const graph::PrepareCall prepare{types_call, output_types, parallel.threads()};
  const auto state = setup.contract.prepare == nullptr ? nullptr : setup.contract.prepare(prepare);
  FencedMemory workspace(setup.contract.workspace == nullptr ? 0
                                                             : setup.contract.workspace(prepare));
  setup.kernel(
      {inputs, run.output_tensors, setup.sample.params, state.get(), workspace.data(), parallel});
  run.fences_intact = workspace.fences_intact();
  for (const auto& memory : run.outputs)
    run.fences_intact = run.fences_intact && (memory == nullptr || memory->fences_intact());
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i] == nullptr) continue;
    run.fences_intact = run.fences_intact && run.inputs[i]->fences_intact();
    if (changed[i] == 0 && load(given[i]->type, run.inputs[i]->data()) != given[i]->data)
      run.inputs_unchanged = false;
  }
  return run;
}

}  // namespace weft::test
