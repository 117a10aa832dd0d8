// What a run does when a step goes wrong: nothing is applied, and it goes on, goes back or ends as
// its policies say; and what --locate-nan names.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "tests/train/training_test.h"
#include "train/locate_nan.h"
#include "train/run_state.h"
#include "train/step_guard.h"

namespace weft::train {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

using Weights = std::map<std::string, std::vector<float>>;

Weights weights_of(const Session& session) {
  Weights weights;
  for (const auto& tensors : {session.parameters(), session.optimizer_state()})
    for (const NamedTensor& entry : tensors) {
      const float* values = entry.tensor.as<float>();
      weights[entry.name].assign(values, values + entry.tensor.type.shape.elements());
    }
  return weights;
}

NamedTensor parameter(const Session& session, const std::string& part) {
  for (const NamedTensor& entry : session.parameters())
    if (entry.name.find(part) != std::string::npos) return entry;
  ADD_FAILURE() << "no parameter " << part;
  return {};
}

class Guard : public TrainingTest {
 protected:
  // Trains with a NaN in a norm's weight during the steps `bad` (from 1), which is put right again
  // after each: steps that go wrong, as by a bad batch. Interrupted after step `stop`.
  PretrainResult run_with_bad_steps(const PretrainConfig& config, const std::set<int64_t>& bad,
                                    int64_t stop = -1) {
    const auto process = open(config);
    const NamedTensor norm = parameter(process->session(), "norm");
    float kept = norm.tensor.as<float>()[0];
    const auto prepare = [&](int64_t step) {
      float& value = norm.tensor.as<float>()[0];
      if (std::isnan(value)) value = kept;
      kept = value;
      if (bad.contains(step)) value = NAN;
    };
    recorder_.on_record = [&](const report::LogRecord& record) {
      if (!record.loss) return;
      if (record.step == stop) interrupts_ = 1;
      prepare(record.step == stop ? 0 : record.step + 1);
    };
    prepare(process->first_step() + 1);
    const PretrainResult result = process->run();
    recorder_.on_record = nullptr;
    interrupts_ = 0;
    return result;
  }

  std::unique_ptr<Pretrainer> open_locating(const PretrainConfig& config) {
    return std::make_unique<Pretrainer>(config, PretrainOptions{.listener = &recorder_,
                                                                .interrupts = &interrupts_,
                                                                .roof_seconds = 1e-4,
                                                                .locate_nan = true});
  }
};

// An infinite loss of a finite gradient: the veto alone forbids the update.
TEST_F(Guard, ALossThatIsNotFiniteChangesNothing) {
  const auto process = open(config("run"));
  Session& session = process->session();
  const Weights before = weights_of(session);
  const data::Batch batch(2, 32);
  session.begin_step(64);
  session.micro_batch();
  *session.step_program().tensor(session.plan().step.loss_sum.id()).as<float>() = INFINITY;
  const StepResult result = session.end_step(1e-2);
  EXPECT_FALSE(result.applied);
  EXPECT_TRUE(std::isfinite(result.gradient_norm));
  EXPECT_TRUE(std::isinf(result.loss));
  EXPECT_EQ(weights_of(session), before);
  session.begin_step(64);
  session.micro_batch();
  EXPECT_TRUE(session.end_step(1e-2).applied) << "the next step counts";
}

TEST_F(Guard, SkipsAStepAndGoesOn) {
  const PretrainResult result = run_with_bad_steps(config("run"), {3});
  EXPECT_EQ(result.outcome, Outcome::kFinished);
  EXPECT_THAT(recorder_.said("step 3: the gradient is not finite"), SizeIs(1));
  EXPECT_THAT(recorder_.said("--locate-nan"), SizeIs(1));
  EXPECT_THAT(read_text_file(folder_of("run") / "log.jsonl", 1 << 20),
              HasSubstr("\"warnings\": [\"the gradient is not finite"));
}

TEST_F(Guard, StopsAtOnceWhereAsked) {
  const PretrainResult result =
      run_with_bad_steps(config("run", {"non_finite_policy=stop", "save_steps=2"}), {4});
  EXPECT_EQ(result.outcome, Outcome::kDiverged);
  EXPECT_EQ(result.updates, 4);
  EXPECT_THAT(result.reason, HasSubstr("the gradient is not finite"));
  EXPECT_TRUE(has_checkpoint("run", 2));
  EXPECT_FALSE(has_checkpoint("run", 4)) << "what was before is better";
}

TEST_F(Guard, EndsAfterTenInARowAlsoWhenStoppedBetween) {
  std::set<int64_t> bad;
  for (int64_t step = 4; step < 30; ++step) bad.insert(step);
  const std::vector<std::string> options = {"max_steps=30"};
  EXPECT_EQ(run_with_bad_steps(config("run", options), bad, 8).outcome, Outcome::kInterrupted);
  const PretrainResult result = run_with_bad_steps(config("run", options), bad);
  EXPECT_EQ(result.outcome, Outcome::kDiverged);
  EXPECT_EQ(result.updates, 13);
}

TEST_F(Guard, GoesBackToTheLastCheckpointAndSkipsTheBatches) {
  const auto process = open(config("run", {"non_finite_policy=rewind", "save_steps=2"}));
  const NamedTensor norm = parameter(process->session(), "norm");
  Weights at_two, after_four;
  recorder_.on_record = [&](const report::LogRecord& record) {
    if (!record.loss) return;
    if (record.step == 2) at_two = weights_of(process->session());
    if (record.step == 3) norm.tensor.as<float>()[0] = NAN;
    if (record.step == 4) after_four = weights_of(process->session());
  };
  EXPECT_EQ(process->run().outcome, Outcome::kFinished);
  EXPECT_EQ(after_four, at_two);
  EXPECT_THAT(recorder_.said("step 4: went back to the weights of checkpoint-2; the batches of "
                             "steps 3 to 4 count no more"),
              SizeIs(1));
  int64_t step = 0;
  for (const report::LogRecord& record :
       report::read_log(real_file_system(), folder_of("run") / kRunLogFile).records)
    EXPECT_TRUE(!record.loss || record.step == ++step) << "no step is told twice";
}

TEST_F(Guard, WithoutACheckpointToGoBackToTheStepIsSkipped) {
  const auto made = config("run", {"non_finite_policy=rewind", "save_steps=5"});
  EXPECT_EQ(run_with_bad_steps(made, {3}).outcome, Outcome::kFinished);
  EXPECT_THAT(recorder_.said("there is no checkpoint to go back to"), SizeIs(1));
}

// Checkpoints that interrupts leave are not gone back to, and do not push out the one that is.
TEST_F(Guard, ARunThatGoesBackEndsTheSameWhereverItWasStopped) {
  const std::vector<std::string> options = {"non_finite_policy=rewind", "save_steps=3",
                                            "save_total_limit=1", "max_steps=10"};
  run_with_bad_steps(config("whole", options), {5, 8});
  const Trace whole = trace("whole", 10);
  EXPECT_THAT(recorder_.said("went back"), SizeIs(2));
  for (const int64_t stop : {4, 5, 7}) {
    const std::string name = "stopped-" + std::to_string(stop);
    run_with_bad_steps(config(name, options), {5, 8}, stop);
    run_with_bad_steps(config(name, options), {5, 8});
    EXPECT_EQ(trace(name, 10), whole) << "stopped after step " << stop;
  }
}

// What is likely of one dataset is none of another: no stage of a curriculum is judged by the one
// before it, however much its loss differs.
TEST(StepGuard, AStageOfACurriculumIsJudgedByItsOwnLosses) {
  PretrainConfig stages;
  stages.curriculum = {{.until_step = 100, .weights = {1, 0}}};
  StepGuard guard(stages, false), without(PretrainConfig{}, false);
  const auto warnings = [](StepGuard& of, int64_t index, double loss) {
    return of.judge(index, {.loss = loss, .gradient_norm = 1, .applied = true}).warnings.size();
  };
  for (int64_t i = 0; i < 100; ++i) {
    const double loss = 2 + 0.01 * static_cast<double>(i % 7);
    EXPECT_EQ(warnings(guard, i, loss) + warnings(without, i, loss), 0u);
  }
  EXPECT_EQ(warnings(without, 100, 6.0), 1u) << "which would be a jump";
  for (int64_t i = 100; i < 200; ++i) EXPECT_EQ(warnings(guard, i, 6.0), 0u) << i;
  EXPECT_EQ(warnings(guard, 200, 9.0), 1u);
}

TEST_F(Guard, RewindNeedsCheckpoints) {
  for (const std::string key : {"non_finite_policy", "spike_policy"})
    EXPECT_THAT(error_message([&] { config("run", {key + "=rewind"}); }),
                HasSubstr(key + " needs save_steps: 'rewind' goes back to the last checkpoint"));
}

// A jump of the loss by ten times: the output layer's weights, scaled for one step.
class Spike : public Guard {
 protected:
  PretrainResult run_with_a_jump(const std::string& policy) {
    const auto process = open(config(
        "run", {"max_steps=50", "spike_policy=" + policy, "save_steps=10", "learning_rate=1e-3"}));
    const NamedTensor embedding = parameter(process->session(), "embed");
    const std::span<float> values(embedding.tensor.as<float>(),
                                  static_cast<size_t>(embedding.tensor.type.shape.elements()));
    std::vector<float> kept;
    recorder_.on_record = [&](const report::LogRecord& record) {
      if (!record.loss) return;
      if (record.step == 44) before_ = weights_of(process->session());
      if (record.step == 45) after_ = weights_of(process->session());
      if (record.step == 44) {
        kept.assign(values.begin(), values.end());
        for (float& value : values) value *= 40;
      } else if (record.step == 45 && after_.at(embedding.name)[0] == 40 * kept[0]) {
        std::copy(kept.begin(), kept.end(), values.begin());
      }
    };
    const PretrainResult result = process->run();
    recorder_.on_record = nullptr;
    return result;
  }
  Weights before_, after_;
};

TEST_F(Spike, IsToldAndCounts) {
  EXPECT_EQ(run_with_a_jump("warn").outcome, Outcome::kFinished);
  ASSERT_THAT(recorder_.said("step 45: the loss jumped to"), SizeIs(1));
  EXPECT_THAT(recorder_.said("step 45: the loss jumped to")[0], Not(HasSubstr("no parameter")));
}

TEST_F(Spike, IsSkippedWhereAsked) {
  EXPECT_EQ(run_with_a_jump("skip").outcome, Outcome::kFinished);
  ASSERT_THAT(recorder_.said("step 45: the loss jumped to"), SizeIs(1));
  EXPECT_THAT(recorder_.said("step 45: the loss jumped to")[0], HasSubstr("no parameter"));
  for (const auto& [name, values] : before_)
    EXPECT_TRUE(name.find("embed") != std::string::npos || after_.at(name) == values) << name;
}

TEST_F(Spike, EndsTheRunWhereAsked) {
  const PretrainResult result = run_with_a_jump("stop");
  EXPECT_EQ(result.outcome, Outcome::kDiverged);
  EXPECT_EQ(result.updates, 45);
  EXPECT_THAT(result.reason, HasSubstr("the loss jumped to"));
}

TEST_F(Spike, GoesBackWhereAsked) {
  EXPECT_EQ(run_with_a_jump("rewind").outcome, Outcome::kFinished);
  EXPECT_THAT(recorder_.said("went back to the weights of checkpoint-40; the batches of steps 41 "
                             "to 45"),
              SizeIs(1));
}

TEST_F(Guard, TheLastLossesAndNormsAreInTheCheckpoint) {
  run(config("run"));
  const Path file = checkpoint("run", 8) / kStateFile;
  const RunState state = run_state_from_json(read_text_file(file, 1 << 20), "state");
  std::vector<double> losses, norms;
  for (const report::LogRecord& record : recorder_.records)
    if (record.loss) {
      losses.push_back(*record.loss);
      norms.push_back(std::log(*record.grad_norm));
    }
  EXPECT_EQ(state.guard.losses, losses);
  EXPECT_EQ(state.guard.log_gradient_norms, norms);
}

// A file may be whole, have the hash that its manifest says, and yet be of no run.
TEST_F(Guard, CountsThatNoRunHasAreRefused) {
  const auto error_of = [](const RunState& state) {
    return error_message([&] { run_state_from_json(to_json(state), "state.json"); });
  };
  EXPECT_THAT(error_of({.updates = -1}),
              HasSubstr("state.json: not a trainer state of Weft: updates is '-1', no integer"));
  EXPECT_THAT(error_of({.updates = 3, .best_step = 4}), HasSubstr("best_step is after the last"));
  EXPECT_THAT(error_of({.tokens_seen = -5}), HasSubstr("tokens_seen is '-5'"));
  GuardState guard;
  guard.losses.assign(128, 2.0);
  EXPECT_NO_THROW(run_state_from_json(to_json(RunState{.guard = guard}), "state.json"));
  guard.losses.push_back(2.0);
  EXPECT_THAT(error_of({.guard = guard}), HasSubstr("longer than any run's"));
}

// Through the file of the checkpoint: the next process judges by what the last one saw.
TEST_F(Guard, JudgesAfterARestartByTheLossesBeforeIt) {
  PretrainConfig spikes = config("run");
  spikes.spike_policy = SpikePolicy::kSkip;
  RunState state;
  {
    StepGuard guard(spikes);
    for (int64_t i = 0; i < 100; ++i)
      guard.judge(i, {.loss = 2 + 0.01 * static_cast<double>(i % 7), .gradient_norm = 1});
    state.guard = guard.state();
  }
  StepGuard guard(spikes);
  EXPECT_FALSE(guard.forbids(9));
  guard.restore(run_state_from_json(to_json(state), "state.json").guard);
  EXPECT_TRUE(guard.forbids(9));
  EXPECT_FALSE(guard.forbids(2.1));
  EXPECT_THAT(guard.judge(100, {.loss = 2, .gradient_norm = 100}).warnings,
              ElementsAre(HasSubstr("the gradient norm jumped to 100")));
}

TEST_F(Guard, LocateNamesTheOperatorAndTheParameter) {
  const auto process = open_locating(config("run", {"gradient_accumulation_steps=2"}));
  const NamedTensor norm = parameter(process->session(), "layers.1.post_attention_layernorm");
  recorder_.on_record = [&](const report::LogRecord& record) {
    if (record.step == 3) norm.tensor.as<float>()[5] = NAN;
  };
  const PretrainResult result = process->run();
  EXPECT_EQ(result.outcome, Outcome::kDiverged);
  EXPECT_EQ(result.updates, 4);
  EXPECT_THAT(result.reason, HasSubstr("replay of step 4, micro-batch 1: the operator"));
  EXPECT_THAT(result.reason, HasSubstr("norm in 'layers.1"));
  EXPECT_THAT(result.reason, HasSubstr("(forward) is the first whose result is not finite"));
  EXPECT_THAT(result.reason, HasSubstr("it reads the parameter '" + norm.name + "'"));
  EXPECT_THAT(result.reason, HasSubstr("not finite before the step began are 1 of"));
  EXPECT_THAT(result.reason, HasSubstr("not finite are the gradients of"));
}

// Parameters that are finite, and a product that is not.
TEST_F(Guard, LocateFindsAnOverflow) {
  const auto process = open_locating(config("run"));
  const NamedTensor weight = parameter(process->session(), "layers.0.mlp.down_proj"),
                    before = parameter(process->session(), "layers.0.mlp.gate");
  recorder_.on_record = [&](const report::LogRecord& record) {
    if (record.step != 2) return;
    for (int64_t i = 0; i < weight.tensor.type.shape.elements(); ++i)
      weight.tensor.as<float>()[i] = 3e38f;
    for (int64_t i = 0; i < before.tensor.type.shape.elements(); ++i)
      before.tensor.as<float>()[i] = 1e9f;
  };
  const PretrainResult result = process->run();
  EXPECT_THAT(result.reason, HasSubstr("replay of step 3, micro-batch 1: the operator linear"));
  EXPECT_THAT(result.reason, HasSubstr("it reads the parameter '" + weight.name + "'"));
  EXPECT_THAT(result.reason, Not(HasSubstr("before the step began")));
}

// Nothing that a sound step computes is taken for the origin: no mask, no padding, no statistics.
TEST_F(Guard, LocateFindsNothingInASoundStep) {
  for (const std::string change : {"precision=fp32", "precision=bf16", "sample_packing=false",
                                   "gradient_checkpointing=full", "optimizer=muon"}) {
    const auto process = open(config("run-" + change, {change, "max_steps=2"}));
    process->run();
    Session& session = process->session();
    const Weights before = weights_of(session);
    const TrainingData data(process->config(), 300);
    const std::string found =
        locate_nan(session, {.index = 1, .learning_rate = 1e-3, .batches = data.batches()});
    EXPECT_THAT(found, HasSubstr("every result is finite this time")) << change << found;
    EXPECT_EQ(weights_of(session), before);
    EXPECT_EQ(session.updates(), 2);
  }
}

}  // namespace
}  // namespace weft::train
