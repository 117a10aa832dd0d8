#include "contract_check.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/thread_pool.h"
#include "device_run.h"
#include "graph/differentiate.h"
#include "graph/graph.h"
#include "graph/registry.h"
#include "operands.h"
#include "tolerance.h"
#include "weft/philox.h"

namespace weft::test {
namespace {

using namespace graph;

class Checker {
 public:
  Checker(const OpContract& contract, Kernel kernel) : contract_(contract), kernel_(kernel) {}

  std::vector<std::string> run_on_device(const DeviceBench& bench) {
    const std::vector<Sample> samples = contract_.samples();
    for (size_t i = 0; i < samples.size(); ++i) {
      where_ = "sample " + std::to_string(i);
      guarded([&] {
        for (const DType compute : computes()) check_device(samples[i], compute, bench);
      });
    }
    return failures_;
  }

  std::vector<std::string> run() {
    check_completeness();
    if (!failures_.empty()) return failures_;
    check_errors();
    const std::vector<Sample> samples = contract_.samples();
    for (size_t i = 0; i < samples.size(); ++i) {
      where_ = "sample " + std::to_string(i);
      guarded([&] { check_sample(samples[i]); });
    }
    return failures_;
  }

 private:
  void fail(const std::string& message) {
    failures_.push_back(std::string(contract_.name) + ": " + where_ + ": " + message);
  }
  void expect(bool condition, const std::string& message) {
    if (!condition) fail(message);
  }
  template <class F>
  void guarded(F&& body) {
    try {
      body();
    } catch (const Error& error) {
      fail(error.what());
    }
  }

  void check_completeness() {
    where_ = "contract";
    expect(!contract_.name.empty() && !contract_.summary.empty(), "needs a name and a summary");
    expect(contract_.infer != nullptr, "needs a shape rule");
    expect(contract_.reference != nullptr, "needs a float64 reference");
    expect(contract_.cost != nullptr, "needs flops and bytes");
    expect(contract_.samples != nullptr && contract_.error_samples != nullptr,
           "needs samples and error samples");
    expect(kernel_ != nullptr, "needs a kernel");
    if (!failures_.empty()) return;
    expect(!contract_.error_samples().empty(), "needs at least one error sample");
    check_sampling_rule(contract_.samples());
  }

  void check_sampling_rule(const std::vector<Sample>& samples) {
    int rank = 0;
    bool has_one = false;
    for (const Sample& sample : samples)
      for (const SampleInput& input : sample.inputs) {
        rank = std::max(rank, input.type.shape.rank());
        has_one = has_one || (input.type.shape.rank() > 0 && input.type.shape[0] == 1);
      }
    expect(samples.size() >= 2, "needs at least two samples");
    expect(rank != 2, "needs a sample of rank 3: rank 2 alone hides wrong axes");
    expect(has_one, "needs a sample with a size of 1");
  }

  void check_errors() {
    const std::vector<ErrorSample> samples = contract_.error_samples();
    for (size_t i = 0; i < samples.size(); ++i) {
      where_ = "error sample " + std::to_string(i);
      std::string message;
      try {
        GraphData graph;
        build(graph, {samples[i].inputs, samples[i].params}, DType::kF32);
      } catch (const Error& error) {
        message = error.what();
      }
      expect(message.find(samples[i].message) != std::string::npos,
             "expected an error with '" + std::string(samples[i].message) + "', got '" + message +
                 "'");
    }
  }

  // A graph that holds the operator alone, its inputs named by their place.
  Values build(GraphData& graph, const Sample& sample, DType compute) {
    std::vector<Value> inputs;
    const auto tensors = make_inputs(contract_, sample, compute, 0);
    for (size_t i = 0; i < tensors.size(); ++i) {
      const bool absent = sample.inputs[i].fill == SampleInput::Fill::kAbsent;
      inputs.push_back(absent ? Value()
                              : graph.handle(graph.add_named({.type = tensors[i].type,
                                                              .kind = ValueKind::kInput,
                                                              .name = std::to_string(i)})));
    }
    return apply(contract_, inputs, sample.params);
  }

  void check_sample(const Sample& sample) {
    for (const DType compute : computes()) check_kernel(sample, compute);
    check_gradient(sample);
    check_fallback(sample);
  }

  // The types that programs compute in.
  std::vector<DType> computes() const {
    const auto varies = [](Slot slot) { return slot == Slot::kCompute; };
    if (std::any_of(contract_.precision.begin(), contract_.precision.end(), varies))
      return {DType::kF32, DType::kBF16};
    return {DType::kF32};
  }

  void check_device(const Sample& sample, DType compute, const DeviceBench& bench) {
    const auto inputs = make_inputs(contract_, sample, compute, 1);
    const auto given = pointers(sample, inputs);
    const auto expected = run_reference(contract_, given, sample.params);
    std::vector<const TensorType*> types;
    for (const auto* in : given) types.push_back(in == nullptr ? nullptr : &in->type);
    const double sum_length = terms(expected, {types, sample.params});
    const KernelSetup setup{contract_, kernel_, sample, inputs};
    const std::string type = std::string(" in ") + std::string(name_of(compute));
    bench.set_order(0);
    const DeviceRun run = run_on_device_of(setup, bench.queues, nullptr);
    expect(run.inputs_unchanged, "changed an input" + type);
    for (size_t o = 0; o < expected.size(); ++o)
      compare("output " + std::to_string(o) + type, expected[o],
              load(expected[o].type, run.outputs[o].data()), {compute, sum_length});
    for (int order = 1; order < bench.orders; ++order) {
      bench.set_order(order);
      expect(run_on_device_of(setup, bench.queues, nullptr).outputs == run.outputs,
             "the result depends on the order of threads" + type);
    }
    for (const Pair& pair : usable_aliases(setup, expected))
      expect(run_on_device_of(setup, bench.queues, &pair).outputs == run.outputs,
             "the result changes when output " + std::to_string(pair.output) + " lies in input " +
                 std::to_string(pair.input) + type);
  }

  std::vector<Pair> usable_aliases(const KernelSetup& setup,
                                   const std::vector<ReferenceTensor>& outputs) const {
    std::vector<Pair> result;
    for (const Pair& pair : contract_.may_alias)
      if (pair.input < setup.inputs.size() && !setup.inputs[pair.input].data.empty() &&
          setup.inputs[pair.input].type.bytes() == outputs[pair.output].type.bytes())
        result.push_back(pair);
    return result;
  }

  double terms(const std::vector<ReferenceTensor>& expected, const TypesCall& types) const {
    double elements = 0;
    for (const ReferenceTensor& t : expected) elements += static_cast<double>(t.data.size());
    return contract_.cost(types).flops / std::fmax(1.0, elements);
  }

  void check_kernel(const Sample& sample, DType compute) {
    const auto inputs = make_inputs(contract_, sample, compute, 1);
    const auto given = pointers(sample, inputs);
    const auto expected = run_reference(contract_, given, sample.params);
    std::vector<const TensorType*> types;
    for (const auto* in : given) types.push_back(in == nullptr ? nullptr : &in->type);
    const double sum_length = terms(expected, {types, sample.params});
    const KernelSetup setup{contract_, kernel_, sample, inputs};
    const KernelRun run = run_kernel(setup, SerialFor());
    const std::string type = std::string(" in ") + std::string(name_of(compute));
    expect(run.fences_intact, "wrote outside of its outputs or workspace" + type);
    expect(run.inputs_unchanged, "changed an input" + type);
    for (size_t o = 0; o < expected.size(); ++o)
      compare("output " + std::to_string(o) + type, expected[o], run.output(o),
              {compute, sum_length});
    check_threads(setup, run, type);
    check_aliases(setup, run, type);
  }

  struct Precision {
    DType compute;
    double terms;
  };

  void compare(const std::string& what, const ReferenceTensor& expected,
               const std::vector<double>& actual, Precision precision) {
    double largest = 0;
    for (const double value : expected.data)
      if (std::isfinite(value)) largest = std::fmax(largest, std::abs(value));
    const bool exact = !is_floating(expected.type.dtype);
    const DType out = expected.type.dtype;  // a cast's result is coarser than what it computes in
    const DType coarsest =
        unit_roundoff(out) > unit_roundoff(precision.compute) ? out : precision.compute;
    const double allowed = exact ? 0.0 : tolerance(coarsest, precision.terms, largest);
    for (size_t i = 0; i < expected.data.size(); ++i) {
      if (expected.data[i] == actual[i]) continue;  // infinities too
      const double error = std::abs(expected.data[i] - actual[i]);
      if (!(error <= allowed))
        return fail(what + "[" + std::to_string(i) + "] is " + std::to_string(actual[i]) +
                    ", the reference says " + std::to_string(expected.data[i]) +
                    ", allowed difference " + std::to_string(allowed));
    }
  }

  void check_threads(const KernelSetup& setup, const KernelRun& serial, const std::string& type) {
    if (contract_.determinism != Determinism::kFixedOrder) return;
    static const ThreadPool kPool(3);
    const KernelRun run = run_kernel(setup, kPool);
    for (size_t o = 0; o < run.output_tensors.size(); ++o)
      expect(run.bytes(o) == serial.bytes(o),
             "output " + std::to_string(o) + type + " depends on the number of threads");
    expect(run.fences_intact, "wrote outside of its outputs or workspace with 3 threads" + type);
  }

  void check_aliases(const KernelSetup& setup, const KernelRun& apart, const std::string& type) {
    for (const Pair& pair : contract_.may_alias) {
      if (pair.input >= setup.inputs.size() || setup.inputs[pair.input].data.empty()) continue;
      const TensorType& out = apart.output_tensors[pair.output].type;
      if (setup.inputs[pair.input].type.bytes() != out.bytes()) continue;
      const KernelRun run = run_kernel(setup, SerialFor(), &pair);
      for (size_t o = 0; o < run.output_tensors.size(); ++o)
        expect(run.bytes(o) == apart.bytes(o),
               "output " + std::to_string(o) + type + " changes when output " +
                   std::to_string(pair.output) + " lies in input " + std::to_string(pair.input));
    }
  }

  // d(sum of <output, weight>) along random directions and along single elements, by central
  // differences of the float64 reference, against the gradient's graph run by references.
  void check_gradient(const Sample& sample) {
    if (contract_.gradient == nullptr) return;
    GraphData graph;
    const Values outputs = build(graph, sample, DType::kF32);
    auto inputs = make_inputs(contract_, sample, DType::kF64, 2);
    for (auto& in : inputs)
      if (in.type.dtype == DType::kF64) in.type.dtype = DType::kF32;
    ReferenceValues values;
    std::vector<ValueId> wanted;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const ValueId id = graph.find(std::to_string(i));
      if (id == kNoValue) continue;
      values[id] = inputs[i];
      if (differentiable(sample.inputs[i])) wanted.push_back(id);
    }
    const Weights weights = make_weights(graph, outputs, values);
    const Contributions contributions =
        differentiate(graph, weights.outputs, weights.seeds, wanted);
    std::map<ValueId, Value> gradients;
    for (const auto& [id, list] : contributions) gradients[id] = sum_of(list);
    run_reference(graph, values);
    for (const ValueId id : wanted) {
      const size_t i = static_cast<size_t>(std::stoi(graph.value(id).name));
      const auto found = gradients.find(id);
      if (found == gradients.end()) fail("has no gradient for input " + std::to_string(i));
      else check_gradient_of(sample, inputs, weights, i, values.at(found->second.id()).data);
    }
  }

  static bool differentiable(const SampleInput& input) {
    return is_floating(input.type.dtype) &&
           (input.fill == SampleInput::Fill::kNormal || input.fill == SampleInput::Fill::kPositive);
  }

  struct Weights {
    Values outputs, seeds;                  // outputs that take part, and their gradients
    std::vector<std::vector<double>> data;  // by output of the operator; empty: takes no part
  };

  Weights make_weights(GraphData& graph, const Values& outputs, ReferenceValues& values) {
    Weights result;
    for (size_t o = 0; o < outputs.size(); ++o) {
      result.data.emplace_back();
      const bool statistic = (contract_.statistics >> o & 1u) != 0;
      if (statistic || !is_floating(outputs[o].dtype())) continue;
      const ValueId seed = graph.add_named({.type = {DType::kF32, outputs[o].shape()},
                                            .kind = ValueKind::kInput,
                                            .name = "seed" + std::to_string(o)});
      auto& data = result.data.back();
      for (int64_t e = 0; e < outputs[o].shape().elements(); ++e)
        data.push_back(random(900 + o, static_cast<uint64_t>(e)));
      values[seed] = {graph.value(seed).type, data};
      result.outputs.push_back(outputs[o]);
      result.seeds.push_back(graph.handle(seed));
    }
    return result;
  }

  static double random(uint64_t key, uint64_t i) {
    const PhiloxBlock words = philox(key, i);
    return normal_from(words[0], words[1])[0];
  }

  double weighted_sum(const Sample& sample, const std::vector<ReferenceTensor>& inputs,
                      const Weights& weights) const {
    const auto outputs = run_reference(contract_, pointers(sample, inputs), sample.params);
    double sum = 0;
    for (size_t o = 0; o < outputs.size(); ++o)
      for (size_t e = 0; e < weights.data[o].size(); ++e)
        sum += outputs[o].data[e] * weights.data[o][e];
    return sum;
  }

  void check_gradient_of(const Sample& sample, std::vector<ReferenceTensor>& inputs,
                         const Weights& weights, size_t i, const std::vector<double>& gradient) {
    const size_t n = inputs[i].data.size();
    for (uint64_t trial = 0; trial < 6; ++trial) {
      std::vector<double> direction(n, 0.0);
      if (trial < 2) {
        for (size_t e = 0; e < n; ++e) direction[e] = random(trial + 50, e);
      } else {
        direction[philox(trial, i)[0] % n] = 1.0;
      }
      double expected = difference(sample, inputs, weights, i, direction), actual = 0, size = 1;
      for (size_t e = 0; e < n; ++e) {
        actual += gradient[e] * direction[e];
        size += std::abs(gradient[e] * direction[e]);
      }
      if (!(std::abs(expected - actual) <= 1e-6 * (size + std::abs(expected))))
        return fail("gradient of input " + std::to_string(i) + " is " + std::to_string(actual) +
                    " along a direction, central differences say " + std::to_string(expected));
    }
  }

  double difference(const Sample& sample, std::vector<ReferenceTensor>& inputs,
                    const Weights& weights, size_t i, const std::vector<double>& direction) const {
    constexpr double kStep = 1e-5;
    const std::vector<double> original = inputs[i].data;
    std::array<double, 2> sums{};
    for (const int side : {0, 1}) {
      for (size_t e = 0; e < original.size(); ++e)
        inputs[i].data[e] = original[e] + (side == 0 ? kStep : -kStep) * direction[e];
      sums[static_cast<size_t>(side)] = weighted_sum(sample, inputs, weights);
    }
    inputs[i].data = original;
    return (sums[0] - sums[1]) / (2 * kStep);
  }

  void check_fallback(const Sample& sample) {
    if (contract_.fallback == nullptr) return;
    GraphData graph;
    ReferenceValues values;
    std::vector<Value> in;
    const auto inputs = make_inputs(contract_, sample, DType::kF32, 3);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (sample.inputs[i].fill == SampleInput::Fill::kAbsent) {
        in.emplace_back();
        continue;
      }
      const ValueId id = graph.add_named(
          {.type = inputs[i].type, .kind = ValueKind::kInput, .name = std::to_string(i)});
      values[id] = inputs[i];
      in.push_back(graph.handle(id));
    }
    const Values unfused = contract_.fallback(in, sample.params);
    run_reference(graph, values);
    const auto fused = run_reference(contract_, pointers(sample, inputs), sample.params);
    expect(unfused.size() == fused.size(), "its fallback has another number of outputs");
    for (size_t o = 0; o < std::min(unfused.size(), fused.size()); ++o)
      if (unfused[o])
        compare("output " + std::to_string(o) + " of the fallback", values.at(unfused[o].id()),
                fused[o].data, {DType::kF32, 1});
  }

  const OpContract& contract_;
  Kernel kernel_;
  std::string where_;
  std::vector<std::string> failures_;
};

}  // namespace

std::vector<std::string> check_device_kernel(const OpContract& contract, Kernel kernel,
                                             const DeviceBench& bench) {
  return Checker(contract, kernel).run_on_device(bench);
}

std::vector<std::string> check_contract(const OpContract& contract, Kernel kernel) {
  return Checker(contract, kernel).run();
}

}  // namespace weft::test
