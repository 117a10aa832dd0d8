// A training session on the emulated device: what it allocates, when it waits, and that bugs of its
// order of work show.
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>

#include "data/sequences.h"
#include "tests/train/training_test.h"
#include "train/text_evaluation.h"
#include "wrapped_library.h"

namespace weft::train {
namespace {

using test::device_hooks;

class DeviceSession : public TrainingTest {
 protected:
  void TearDown() override {
    device_hooks = {};
    order(device::Order::kForward);
  }

  PretrainConfig tiny(std::vector<std::string> more = {}) {
    more.insert(more.begin(),
                {"model.hidden_size=16", "model.num_hidden_layers=1", "model.num_attention_heads=2",
                 "model.num_key_value_heads=1", "model.intermediate_size=16", "sequence_len=8",
                 "micro_batch_size=1"});
    return config("unused", more);
  }
  std::unique_ptr<Session> session(std::vector<std::string> more = {}) {
    return std::make_unique<Session>(plan_pretraining(tiny(std::move(more)), 1, true), 3,
                                     test::wrapped_device());
  }
  static void order(device::Order order, uint64_t seed = 1) {
    test::emulated_library()->api().set_order(order, seed);
  }

  // Launches step `index`, of as many micro-batches as the session has, and does not wait.
  static void launch(Session& session, int64_t index) {
    const data::SyntheticSequences sequences(300, 8, 5);
    data::Batch batch(1, 8);
    const int micro_batches = session.plan().options.micro_batches;
    session.begin_step(8 * micro_batches);
    for (int m = 0; m < micro_batches; ++m) {
      sequences.read(index * micro_batches + m, batch.row(0));
      copy_inputs(batch, session.inputs());
      session.micro_batch();
    }
    session.launch_step(0.01);
  }
  static StepResult step(Session& session, int64_t index) {
    launch(session, index);
    return session.step_result();
  }
  static std::vector<float> values_of(const std::vector<NamedTensor>& tensors) {
    std::vector<float> values;
    for (const NamedTensor& entry : tensors)
      values.insert(values.end(), entry.tensor.as<float>(),
                    entry.tensor.as<float>() + entry.tensor.type.shape.elements());
    return values;
  }
  // The parameters after `steps` steps, none of which is waited for but by the session itself.
  std::vector<float> trained(int steps, std::vector<std::string> more = {}) {
    const auto s = session(std::move(more));
    for (int i = 0; i < steps; ++i) {
      launch(*s, i);
      if (i > 0) s->step_result();
    }
    s->step_result();
    return values_of(s->parameters());
  }
};

int64_t used_bytes() {
  int64_t free = 0, total = 0;
  test::emulated_library()->api().memory(&free, &total);
  return total - free;
}

TEST_F(DeviceSession, AllocatesWhatIsPlanned) {
  for (const std::string more : {"precision=fp32", "precision=bf16"}) {
    const int64_t before = used_bytes();
    int64_t pinned = 0;
    device_hooks.allocate_pinned = [&pinned](void** out, int64_t bytes) {
      pinned += bytes;
      return test::emulated_library()->api().allocate_pinned(out, bytes);
    };
    const SessionPlan plan = plan_pretraining(tiny({more, "sample_prompts=[warp]"}), 1, true);
    const auto s = session({more, "sample_prompts=[warp]"});
    EXPECT_EQ(used_bytes() - before, plan.total());
    EXPECT_EQ(pinned, plan.device.staging + plan.device.mirror);
    EXPECT_EQ(s->high_water_bytes(), plan.bytes);
    EXPECT_EQ(bound_bytes(plan), plan.bytes);
    EXPECT_EQ(report_plan(plan).total, plan.total());
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(std::isfinite(step(*s, i).loss));
    EXPECT_EQ(used_bytes() - before, plan.total()) << "steps allocate nothing";
    EXPECT_EQ(pinned, plan.device.staging + plan.device.mirror);
  }
}

TEST_F(DeviceSession, WaitsForAResultOnlyAfterTheNextStepIsLaunched) {
  int launches = 0, waits = 0;
  const auto s = session({"gradient_accumulation_steps=2"});
  device_hooks.graph_launch = [&](void* graph, void* stream) {
    launches += 1;
    return test::emulated_library()->api().graph_launch(graph, stream);
  };
  device_hooks.event_synchronize = [&](void* event) {
    waits += 1;
    return test::emulated_library()->api().event_synchronize(event);
  };
  launch(*s, 0);
  launch(*s, 1);
  EXPECT_EQ(launches, 2) << "a step is one graph";
  EXPECT_EQ(waits, 0);
  EXPECT_TRUE(std::isfinite(s->step_result().loss));
  EXPECT_GT(waits, 0);
  launch(*s, 2);
  EXPECT_EQ(launches, 3);
}

// What NVTX is told on a GPU: each operator where it is captured, then a step's launch.
TEST_F(DeviceSession, NamesStretchesForProfilers) {
  std::vector<std::string> names;
  int open = 0;
  device_hooks.range_push = [&](const char* name) {
    names.emplace_back(name);
    open += 1;
    return device::kSuccess;
  };
  device_hooks.range_pop = [&] {
    open -= 1;
    EXPECT_GE(open, 0);
    return device::kSuccess;
  };
  const auto s = session();
  EXPECT_THAT(names, testing::Not(testing::Contains("step")));
  EXPECT_THAT(names, testing::IsSupersetOf({"embedding", "attention_backward", "adamw"}));
  names.clear();
  launch(*s, 0);
  launch(*s, 1);
  EXPECT_THAT(names, testing::ElementsAre("step", "step"));
  EXPECT_EQ(open, 0);
  s->step_result();
}

TEST_F(DeviceSession, LateResultsAreThoseOfTheirSteps) {
  const auto late = session(), prompt = session();
  std::vector<double> expected, actual;
  for (int i = 0; i < 4; ++i) {
    expected.push_back(step(*prompt, i).loss);
    launch(*late, i);
    if (i > 0) actual.push_back(late->step_result().loss);
  }
  actual.push_back(late->step_result().loss);
  EXPECT_EQ(actual, expected);
  EXPECT_EQ(values_of(late->parameters()), values_of(prompt->parameters()));
}

TEST_F(DeviceSession, BitsDoNotDependOnTheOrderOfWork) {
  const std::vector<float> expected = trained(3);
  order(device::Order::kReversed);
  EXPECT_EQ(trained(3), expected);
  for (const uint64_t seed : {uint64_t{1}, uint64_t{2}}) {
    order(device::Order::kShuffled, seed);
    EXPECT_EQ(trained(3), expected);
  }
}

// Planted: the step does not wait for the copy of what it is given.
TEST_F(DeviceSession, AMissingWaitForInputsShows) {
  const std::vector<float> expected = trained(3);
  bool shown = false;
  for (const device::Order each : {device::Order::kForward, device::Order::kReversed}) {
    order(each);
    device_hooks.stream_wait = [](void*, void*) { return device::kSuccess; };
    shown = shown || trained(3) != expected;
    device_hooks = {};
  }
  EXPECT_TRUE(shown);
}

// Planted: the host does not wait until staging is free.
TEST_F(DeviceSession, InputsWrittenBeforeTheirCopyEndedShow) {
  const std::vector<float> expected = trained(4);
  device_hooks.event_synchronize = [](void*) { return device::kSuccess; };
  EXPECT_NE(trained(4), expected);
}

// The host has no part in it: it learns of the loss when the next step is under way.
TEST_F(DeviceSession, AStepWithoutAFiniteLossChangesNothing) {
  const auto s = session();
  step(*s, 0);
  s->parameters().front().tensor.as<float>()[0] = std::nanf("");
  s->parameters_changed();
  const std::vector<float> before = values_of(s->optimizer_state());
  const StepResult result = step(*s, 1);
  EXPECT_FALSE(std::isfinite(result.loss));
  EXPECT_FALSE(result.applied);
  EXPECT_EQ(values_of(s->optimizer_state()), before);
}

TEST_F(DeviceSession, TheHostMayForbidAnUpdateByTheLossOfASplitStep) {
  const auto s = session({"spike_policy=skip"});
  EXPECT_FALSE(s->steps_overlap());
  const std::vector<float> before = values_of(s->parameters());
  const data::SyntheticSequences sequences(300, 8, 5);
  data::Batch batch(1, 8);
  for (const bool forbidden : {true, false}) {
    s->begin_step(8);
    sequences.read(0, batch.row(0));
    copy_inputs(batch, s->inputs());
    s->micro_batch();
    const double loss = s->step_loss();
    if (forbidden) s->forbid_update();
    const StepResult result = s->end_step(0.01);
    EXPECT_EQ(result.loss, loss);
    EXPECT_EQ(result.applied, !forbidden);
    EXPECT_EQ(values_of(s->parameters()) == before, forbidden);
  }
}

// Saved and read back through the host's mirror; forward programs read the same parameters.
TEST_F(DeviceSession, ParametersAndStatesPassThroughTheHost) {
  for (const std::string precision : {"fp32", "bf16"}) {
    const auto trained = session({"precision=" + precision});
    const auto copy = session({"precision=" + precision});
    for (int i = 0; i < 2; ++i) step(*trained, i);
    const auto pour = [](const std::vector<NamedTensor>& from, const std::vector<NamedTensor>& to) {
      for (size_t i = 0; i < from.size(); ++i)
        std::memcpy(to[i].tensor.data, from[i].tensor.data,
                    static_cast<size_t>(from[i].tensor.type.bytes()));
    };
    pour(trained->parameters(), copy->parameters());
    copy->parameters_changed();
    pour(trained->optimizer_state(), copy->optimizer_state());
    copy->optimizer_state_changed();
    copy->set_updates(2);
    EXPECT_EQ(step(*trained, 2).loss, step(*copy, 2).loss);
    EXPECT_EQ(values_of(trained->parameters()), values_of(copy->parameters()));
    EXPECT_EQ(values_of(trained->gradients()), values_of(copy->gradients()));
  }
}

}  // namespace
}  // namespace weft::train
