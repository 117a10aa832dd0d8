// Plans of whole training steps: near the lower bound, right pair by pair, and made quickly.
#include <gtest/gtest.h>

#include <chrono>

#include "memory_plan_check.h"
#include "small_decoder.h"
#include "tests/core/sanitizer.h"
#include "train/step_graph.h"

namespace weft::test {
namespace {

using namespace graph;

struct PlanCase {
  std::string name;
  nn::DecoderSpec spec;
  int64_t batch, time;
};

nn::DecoderSpec smollm2_360m() {
  return {.vocab_size = 49152,
          .hidden_size = 960,
          .layers = 32,
          .heads = 15,
          .kv_heads = 5,
          .head_dim = 64,
          .intermediate_size = 2560,
          .max_positions = 2048,
          .tied_head = true};
}

class ModelPlan : public testing::TestWithParam<PlanCase> {
 protected:
  struct Planned {
    train::StepGraph step;
    Schedule schedule;
    PlanOptions options;
    MemoryPlan plan;
  };

  static Planned planned(DType compute, RecomputeMode recompute) {
    Graph graph;
    const Value loss = nn::build_loss(graph, GetParam().spec,
                                      {.batch = GetParam().batch, .time = GetParam().time});
    Planned p{.step = train::build_step_graph(graph.data(), loss,
                                              {.compute = compute, .recompute = recompute})};
    p.schedule = serial_schedule(*p.step.data);
    p.options = {.threads = 2,
                 .outputs = {p.step.update.gradient_norm.id(), p.step.update.applied.id()}};
    p.plan = plan_memory(*p.step.data, p.schedule, p.options);
    return p;
  }
};

TEST_P(ModelPlan, IsWithinFivePercentOfTheLargestLiveSet) {
  for (const DType compute : {DType::kF32, DType::kBF16})
    for (const RecomputeMode mode :
         {RecomputeMode::kNone, RecomputeMode::kSelective, RecomputeMode::kFull}) {
      const Planned p = planned(compute, mode);
      const double bound = static_cast<double>(p.plan.transient_lower_bound);
      EXPECT_GE(static_cast<double>(p.plan.transient_bytes), bound);
      EXPECT_LE(static_cast<double>(p.plan.transient_bytes), 1.05 * bound)
          << name_of(compute) << " " << name_of(mode);
    }
}

TEST_P(ModelPlan, LetsNoTwoLivingBuffersOverlap) {
  const Planned p = planned(DType::kBF16, RecomputeMode::kSelective);
  for (const std::string& failure : check_plan(*p.step.data, p.schedule, p.options, p.plan))
    ADD_FAILURE() << failure;
}

INSTANTIATE_TEST_SUITE_P(Models, ModelPlan,
                         testing::Values(PlanCase{"small_llama", small_llama(), 2, 32},
                                         PlanCase{"gpt2_124m", gpt2_of(12, 768, 12, 50257), 4,
                                                  1024},
                                         PlanCase{"smollm2_360m", smollm2_360m(), 2, 2048}),
                         [](const auto& test) { return test.param.name; });

TEST(ModelPlanTime, OfGpt2With48LayersIsUnderASecond) {
  const auto start = std::chrono::steady_clock::now();
  Graph graph;
  const Value loss =
      nn::build_loss(graph, gpt2_of(48, 1600, 25, 50257), {.batch = 1, .time = 1024});
  const train::StepGraph step =
      train::build_step_graph(graph.data(), loss, {.compute = DType::kBF16});
  const MemoryPlan plan = plan_memory(*step.data, serial_schedule(*step.data), {.threads = 2});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_GE(step.layout.parameters, int64_t{1'557'000'000});
  EXPECT_LE(static_cast<double>(plan.transient_bytes),
            1.05 * static_cast<double>(plan.transient_lower_bound));
  if (!WEFT_UNDER_SANITIZER) {
    EXPECT_LT(took.count(), 1.0);
  }
}

}  // namespace
}  // namespace weft::test
