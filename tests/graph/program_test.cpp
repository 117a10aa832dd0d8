// Programs: they touch what was planned and nothing else, read nothing that they did not write, and
// give the same bits however their memory is laid out, recomputed or shared among threads.
#include "graph/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "allocation_counter.h"
#include "message_of.h"
#include "small_decoder.h"
#include "step_program.h"
#include "weft/ops/add.h"

namespace weft::test {
namespace {

using namespace graph;

// The gradients of a poisoned run, and the memory that was planned for it.
struct Ran {
  std::vector<float> gradients;
  float loss = 0;
  int64_t transient_bytes = 0;
};

Ran run(Graph& graph, Value loss, const StepProgramOptions& options) {
  StepProgram step(graph, loss, options);
  step.poison();
  step.run_body();
  EXPECT_EQ(step.arena().high_water(), step.plan().persistent_bytes + step.plan().transient_bytes);
  return {step.gradients(), step.loss(), step.plan().transient_bytes};
}

struct Trained {
  Graph graph;
  Value loss;
};

Trained decoder(const nn::DecoderSpec& spec, int64_t time = 16) {
  Trained result;
  result.loss = nn::build_loss(result.graph, spec, {.batch = 2, .time = time});
  return result;
}

// ---- The same bits ----

class SameBits : public testing::TestWithParam<DType> {
 protected:
  static void check(Graph& graph, Value loss, const std::string& what) {
    const DType compute = GetParam();
    const Ran plain = run(graph, loss, {.compute = compute});
    for (const float g : plain.gradients) ASSERT_TRUE(std::isfinite(g)) << what;
    const auto same = [&](const StepProgramOptions& options, const std::string& how) {
      const Ran other = run(graph, loss, options);
      EXPECT_EQ(plain.gradients, other.gradients) << what << " " << how;
      EXPECT_EQ(plain.loss, other.loss) << what << " " << how;
    };
    same({.compute = compute, .aliasing = false}, "without aliasing");
    same({.compute = compute, .threads = 1}, "on one thread");
    same({.compute = compute, .threads = 3}, "on three threads");
    same({.compute = compute, .recompute = RecomputeMode::kSelective}, "recomputed selectively");
    same({.compute = compute, .recompute = RecomputeMode::kFull}, "recomputed in full");
    same({.compute = compute, .fuse = false}, "operator by operator");
  }
};

TEST_P(SameBits, OfRandomGraphs) {
  for (uint64_t seed = 0; seed < 15; ++seed) {
    RandomModel model = random_model(seed, 20, Unused::kNone);
    check(model.graph, model.loss, "graph " + std::to_string(seed));
  }
}

TEST_P(SameBits, OfDecoders) {
  Trained llama = decoder(small_llama());
  check(llama.graph, llama.loss, "llama");
  Trained gpt2 = decoder(small_gpt2());  // with dropout
  check(gpt2.graph, gpt2.loss, "gpt2");
}

INSTANTIATE_TEST_SUITE_P(Types, SameBits, testing::Values(DType::kF32, DType::kBF16),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST(Program, RecomputingLowersThePeak) {
  for (const nn::DecoderSpec& spec : {small_llama(6), gpt2_of(6, 32, 4, 67)}) {
    Trained model = decoder(spec, 64);
    const auto peak = [&](RecomputeMode mode) {
      return StepProgram(model.graph, model.loss, {.recompute = mode}).plan().transient_bytes;
    };
    EXPECT_LT(peak(RecomputeMode::kSelective), peak(RecomputeMode::kNone));
    EXPECT_LT(peak(RecomputeMode::kFull), peak(RecomputeMode::kSelective));
  }
}

TEST(Program, FullRecomputingRunsEveryLayerAgainAndNothingElse) {
  Trained model = decoder(small_llama());
  const StepProgram step(model.graph, model.loss, {.recompute = RecomputeMode::kFull});
  int again = 0;
  for (const NodeId id : step.data().order) {
    const Node& node = step.data().node(id);
    if (node.recompute_of == kNoNode) continue;
    again += node.contract->name == "attention" ? 1 : 0;
    EXPECT_TRUE(node.scope.starts_with("layers.")) << node.scope;
    EXPECT_EQ(node.phase, Phase::kBackward);
  }
  EXPECT_EQ(again, 3);
}

// ---- Accumulation ----

TEST(Program, GradientsAddUpOverMicroBatchesAndStartAnewWithEachStep) {
  Trained model = decoder(small_llama());
  StepProgram step(model.graph, model.loss);
  step.run_body();
  const std::vector<float> once = step.gradients();
  const float loss = step.loss();
  step.poison();
  step.run_body(true);
  const std::vector<float> twice = step.gradients();
  // A product that adds to what is there rounds in other places than one that does not.
  const float largest = std::abs(*std::max_element(
      once.begin(), once.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }));
  for (size_t i = 0; i < once.size(); ++i)
    ASSERT_LE(std::abs(twice[i] - 2 * once[i]), 1e-6f * largest) << i;
  EXPECT_EQ(step.loss(), 2 * loss);
  step.run_body(false);
  EXPECT_EQ(step.gradients(), once);
}

// ---- Memory ----

TEST(Program, AStepAllocatesNothing) {
  // Sanitizers have allocators of their own.
  if (!counts_allocations()) GTEST_SKIP() << "allocations are not counted under a sanitizer";
  for (const DType compute : {DType::kF32, DType::kBF16})
    for (const nn::DecoderSpec& spec : {small_llama(), small_gpt2()}) {
      Trained model = decoder(spec);
      StepProgram step(model.graph, model.loss, {.compute = compute});
      step.run_body();
      step.run_update();
      const int64_t before = allocations();
      largest_onednn_request();
      step.run_body(true);
      step.run_update();
      EXPECT_EQ(allocations() - before, 0) << name_of(compute);
      // Lists of arguments, and in fp32 the panels into which its product packs a tile: no tensors.
      EXPECT_LE(largest_onednn_request(), 128 << 10) << name_of(compute);
    }
}

TEST(Program, TheCounterCounts) {
  // Sanitizers have allocators of their own.
  if (!counts_allocations()) GTEST_SKIP() << "allocations are not counted under a sanitizer";
  const int64_t before = allocations();
  const auto memory = std::make_unique<std::vector<int>>(1000);
  EXPECT_EQ(allocations() - before, 2);
}

TEST(Program, APoisonedUpdateChangesParametersToFiniteOnes) {
  Trained model = decoder(small_gpt2());
  StepProgram step(model.graph, model.loss, {.compute = DType::kBF16});
  const std::vector<float> before = step.parameters();
  step.poison();
  step.run_body();
  step.poison();
  step.run_update();
  const std::vector<float> after = step.parameters();
  EXPECT_NE(before, after);
  for (const float value : after) ASSERT_TRUE(std::isfinite(value));
}

// ---- Running ----

TEST(Program, SaysWhichOperatorTheDeviceLacks) {
  Graph graph;
  const Value x = graph.input("x", {DType::kF32, {2}});
  const Value y = ops::add(x, x);
  const Schedule schedule = serial_schedule(graph.data());
  const MemoryPlan plan = plan_memory(graph.data(), schedule, {.outputs = {y.id()}});
  Arena arena(plan.persistent_bytes + plan.transient_bytes);
  const std::vector<Kernel> none(all_contracts().size(), nullptr);
  EXPECT_EQ(message_of([&] {
              Program(graph.data(), schedule, plan, {.arena = &arena}, {none, 1});
            }),
            "add: this device has no kernel for it");
}

class Recorder : public Observer {
 public:
  void before(const Instruction& i) override { started.push_back(i.node); }
  void after(const Instruction& i) override { ended.push_back(i.node); }
  std::vector<NodeId> started, ended;
};

TEST(Program, AnObserverSeesEveryInstructionOnceAndInOrder) {
  RandomModel model = random_model(1, 15, Unused::kNone);
  StepProgram step(model.graph, model.loss);
  Recorder recorder;
  step.run_body(false, &recorder);
  std::vector<NodeId> body;
  for (const NodeId id : step.data().order)
    if (step.data().node(id).phase != Phase::kUpdate) body.push_back(id);
  EXPECT_EQ(recorder.started, body);
  EXPECT_EQ(recorder.ended, body);
}

}  // namespace
}  // namespace weft::test
