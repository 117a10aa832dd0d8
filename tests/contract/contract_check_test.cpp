// The contract test's other clauses are alive: each refuses an operator that breaks it. The eight
// mistakes of arithmetic are in mutants_test.cpp.
#include <cstring>

#include "expect_check.h"
#include "weft/ops/add.h"
#include "weft/ops/cross_entropy.h"
#include "weft/ops/linear.h"

namespace weft::test {
namespace {

using namespace graph;

template <class Change>
OpContract changed(std::string_view name, const Change& change) {
  OpContract contract = original(name);
  change(contract);
  return contract;
}

void past_the_output(const KernelCall& call) {
  kernel_of("add")(call);
  static_cast<std::byte*>(call.outputs[0].data)[call.outputs[0].type.bytes()] = std::byte{1};
}

void before_the_output(const KernelCall& call) {
  kernel_of("add")(call);
  static_cast<std::byte*>(call.outputs[0].data)[-1] = std::byte{1};
}

void into_an_input(const KernelCall& call) {
  kernel_of("add")(call);
  std::memset(call.inputs[1].data, 0, static_cast<size_t>(call.inputs[1].type.bytes()));
}

void past_the_workspace(const KernelCall& call) {
  kernel_of("add")(call);
  call.workspace[16] = std::byte{1};
}

void by_threads(const KernelCall& call) {
  kernel_of("add")(call);
  if (call.parallel.threads() > 1) static_cast<uint8_t*>(call.outputs[0].data)[0] ^= 1;
}

// Right as long as the result has memory of its own.
void in_two_passes(const KernelCall& call) {
  const int64_t n = call.outputs[0].type.shape.elements();
  if (call.outputs[0].type.dtype != DType::kF32) return kernel_of("add")(call);
  for (int64_t i = 0; i < n; ++i) call.out<float>(0)[i] = call.in<float>(1)[i];
  for (int64_t i = 0; i < n; ++i) call.out<float>(0)[i] += call.in<float>(0)[i];
}

TEST(ContractCheck, SeesStrayWrites) {
  const std::string message = "wrote outside of its outputs or workspace in f32";
  expect_caught(original("add"), past_the_output, message);
  expect_caught(original("add"), before_the_output, message);
  expect_caught(original("add"), into_an_input, "changed an input in f32");
  const OpContract contract = changed(
      "add", [](OpContract& c) { c.workspace = [](const PrepareCall&) -> int64_t { return 16; }; });
  expect_clean(contract, kernel_of("add"));
  expect_caught(contract, past_the_workspace, message);
}

TEST(ContractCheck, SeesResultsThatDependOnThreadsOrPlaces) {
  expect_caught(original("add"), by_threads, "output 0 in f32 depends on the number of threads");
  expect_caught(original("add"), in_two_passes,
                "output 0 in f32 changes when output 0 lies in input 0");
}

TEST(ContractCheck, SeesErrorsThatAreMissingOrSaySomethingElse) {
  expect_caught(changed("add",
                        [](OpContract& c) {
                          c.infer = [](const TypesCall& call) -> Types { return {call.type(0)}; };
                        }),
                kernel_of("add"), "error sample 0: expected an error with 'same type, got");
  expect_caught(changed("add",
                        [](OpContract& c) {
                          c.infer = [](const TypesCall& call) -> Types {
                            require(call.type(0) == call.type(1), "add", "no");
                            return {call.type(0)};
                          };
                        }),
                kernel_of("add"), "got 'add: no'");
}

TEST(ContractCheck, SeesGradientsThatReadWhatIsNotKept) {
  expect_caught(changed("mul", [](OpContract& c) { c.saved_inputs = 0; }), kernel_of("mul"),
                "its gradient reads an input that saved_inputs does not declare");
  expect_caught(changed("rms_norm", [](OpContract& c) { c.saved_outputs = 0; }),
                kernel_of("rms_norm"),
                "its gradient reads an output that saved_outputs does not declare");
}

TEST(ContractCheck, SeesFallbacksThatMeanSomethingElse) {
  const auto without_smoothing = [](std::span<const Value> in, const Params&) -> Values {
    return {ops::cross_entropy(ops::linear(in[0], in[1]), in[2])};
  };
  expect_caught(
      changed("linear_cross_entropy", [&](OpContract& c) { c.fallback = without_smoothing; }),
      kernel_of("linear_cross_entropy"), "output 0 of the fallback");
}

TEST(ContractCheck, AsksForEverythingThatIsMandatory) {
  expect_caught(changed("add", [](OpContract& c) { c.reference = nullptr; }), kernel_of("add"),
                "needs a float64 reference");
  expect_caught(changed("add", [](OpContract& c) { c.infer = nullptr; }), kernel_of("add"),
                "needs a shape rule");
  expect_caught(changed("add", [](OpContract& c) { c.cost = nullptr; }), kernel_of("add"),
                "needs flops and bytes");
  expect_caught(changed("add", [](OpContract& c) { c.samples = nullptr; }), kernel_of("add"),
                "needs samples and error samples");
  expect_caught(changed("add", [](OpContract& c) { c.summary = ""; }), kernel_of("add"),
                "needs a name and a summary");
  expect_caught(original("add"), nullptr, "needs a kernel");
}

TEST(ContractCheck, EnforcesTheSamplingRule) {
  expect_caught(changed("add",
                        [](OpContract& c) {
                          c.samples = [] {
                            return std::vector<Sample>{{{normal({2, 3, 4}), normal({2, 3, 4})}},
                                                       {{normal({5}), normal({5})}}};
                          };
                        }),
                kernel_of("add"), "needs a sample with a size of 1");
  expect_caught(changed("add",
                        [](OpContract& c) {
                          c.samples = [] {
                            return std::vector<Sample>{{{normal({1, 3, 4}), normal({1, 3, 4})}}};
                          };
                        }),
                kernel_of("add"), "needs at least two samples");
  expect_caught(
      changed("add",
              [](OpContract& c) { c.error_samples = [] { return std::vector<ErrorSample>(); }; }),
      kernel_of("add"), "needs at least one error sample");
}

}  // namespace
}  // namespace weft::test
