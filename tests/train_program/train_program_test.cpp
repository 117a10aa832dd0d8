// The public API as a user meets it: what training a graph gives, and what the messages say where
// something is wrong.
#include "weft/train_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <weft/ops.h>

#include "tests/core/refusals.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Least squares: y = w x over four rows of two numbers, loss = sum (y - target)^2.
struct LeastSquares {
  Graph graph;
  Value x, target, loss;

  explicit LeastSquares(int64_t rows = 4) {
    x = graph.input("x", {DType::kF32, {rows, 2}});
    target = graph.input("target", {DType::kF32, {rows, 1}});
    const Value w = graph.parameter("w", {1, 2}, Initializer::normal(0.5));
    const Value difference = ops::linear(x, w) + -1.0 * target;
    loss = ops::sum(difference * difference);
  }
};

TrainProgramOptions plain_sgd() {
  return {.optimizer = {.kind = OptimizerKind::kSgd, .weight_decay = 0, .max_grad_norm = 0}};
}

constexpr float kX[] = {1, 2, -1, 0.5f, 3, -2, 0.25f, 1};
constexpr float kTarget[] = {1, -1, 2, 0.5f};

void fill(TrainProgram& program, size_t first_row, size_t rows) {
  std::copy_n(kX + 2 * first_row, 2 * rows, program.input<float>("x").begin());
  std::copy_n(kTarget + first_row, rows, program.input<float>("target").begin());
}

TEST(TrainProgram, GivesMeanLossAndGradientAndMovesAgainstIt) {
  const LeastSquares model;
  TrainProgram program(model.graph, model.loss, plain_sgd());
  fill(program, 0, 4);
  const double w0 = program.parameter("w")[0], w1 = program.parameter("w")[1];
  double loss = 0, g0 = 0, g1 = 0;
  for (size_t row = 0; row < 4; ++row) {
    const double x0 = kX[2 * row], x1 = kX[2 * row + 1];
    const double difference = w0 * x0 + w1 * x1 - kTarget[row];
    loss += difference * difference / 4;
    g0 += 2 * difference * x0 / 4;
    g1 += 2 * difference * x1 / 4;
  }
  const StepResult result = program.step({.labels = 4, .learning_rate = 0.01});
  EXPECT_TRUE(result.applied);
  EXPECT_NEAR(result.loss, loss, 1e-5 * std::abs(loss));
  EXPECT_NEAR(result.gradient_norm, std::hypot(g0, g1), 1e-5 * std::hypot(g0, g1));
  EXPECT_NEAR(program.gradient("w")[0], g0, 1e-5 * std::abs(g0));
  EXPECT_NEAR(program.gradient("w")[1], g1, 1e-5 * std::abs(g1));
  EXPECT_NEAR(program.parameter("w")[0], w0 - 0.01 * g0, 1e-6);
  EXPECT_NEAR(program.parameter("w")[1], w1 - 0.01 * g1, 1e-6);
}

TEST(TrainProgram, GradientDoesNotDependOnTheSplitIntoMicroBatches) {
  const LeastSquares whole(4), half(2);
  TrainProgram one(whole.graph, whole.loss, plain_sgd());
  TrainProgram two(half.graph, half.loss, plain_sgd());
  fill(one, 0, 4);
  const StepResult expected = one.step({.labels = 4, .learning_rate = 0});
  two.begin_step(4);
  for (const size_t first : {0u, 2u}) {
    fill(two, first, 2);
    two.micro_batch();
  }
  const StepResult actual = two.end_step(0);
  EXPECT_NEAR(actual.loss, expected.loss, 1e-6 * expected.loss);
  for (const size_t i : {0u, 1u})
    EXPECT_NEAR(two.gradient("w")[i], one.gradient("w")[i], 1e-6) << "element " << i;
}

TEST(TrainProgram, LearnsInFp32AndInBf16) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    const LeastSquares model;
    TrainProgram program(model.graph, model.loss,
                         {.compute = compute, .optimizer = {.weight_decay = 0}});
    fill(program, 0, 4);
    const double first = program.step({.labels = 4, .learning_rate = 0.02}).loss;
    double last = first;
    for (int i = 0; i < 200; ++i) last = program.step({.labels = 4, .learning_rate = 0.02}).loss;
    EXPECT_LE(last, 0.8 * first) << name_of(compute);
  }
}

TEST(TrainProgram, SameBitsWhateverTheThreads) {
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 3}) {
    const LeastSquares model;
    TrainProgramOptions options = plain_sgd();
    options.threads = threads;
    TrainProgram program(model.graph, model.loss, options);
    fill(program, 0, 4);
    for (int i = 0; i < 5; ++i) program.step({.labels = 4, .learning_rate = 0.02});
    const auto w = program.parameter("w");
    results.emplace_back(w.begin(), w.end());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(TrainProgram, UsesExactlyThePlannedMemory) {
  const LeastSquares model;
  TrainProgram program(model.graph, model.loss);
  EXPECT_GT(program.planned_bytes(), 0);
  EXPECT_EQ(program.planned_bytes(), program.high_water_bytes());
}

TEST(TrainProgram, ChangedParametersReachBothTypes) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    const LeastSquares model;
    TrainProgram program(model.graph, model.loss, {.compute = compute});
    fill(program, 0, 4);
    std::fill_n(program.parameter("w").begin(), 2, 0.0f);
    program.parameters_changed();
    const double expected = (1 + 1 + 4 + 0.25) / 4;  // mean of the targets' squares
    EXPECT_NEAR(program.step({.labels = 4, .learning_rate = 0}).loss, expected, 1e-6);
  }
}

TEST(TrainProgram, AGradientThatIsNotFiniteChangesNothingAndIsSaid) {
  const LeastSquares model;
  TrainProgram program(model.graph, model.loss);
  fill(program, 0, 4);
  program.input<float>("x")[0] = std::numeric_limits<float>::quiet_NaN();
  const auto w = program.parameter("w");
  const std::vector<float> before(w.begin(), w.end());
  const StepResult result = program.step({.labels = 4, .learning_rate = 0.1});
  EXPECT_FALSE(result.applied);
  EXPECT_TRUE(std::isnan(result.loss));
  EXPECT_EQ(before, std::vector<float>(w.begin(), w.end()));
}

TEST(TrainProgram, RefusesWhatCannotBeTrained) {
  LeastSquares model;
  const auto refusal = [&](Value loss, TrainProgramOptions options = {}) {
    return said_by([&] { TrainProgram(model.graph, loss, options); });
  };
  EXPECT_THAT(refusal(model.x), AllOf(HasSubstr("f32[1]"), HasSubstr("got f32[4, 2]")));
  EXPECT_THAT(refusal(model.loss, {.compute = DType::kF16}), HasSubstr("f32 or bf16, got f16"));
  EXPECT_THAT(refusal(model.loss, {.threads = -2}), HasSubstr("got -2"));
  EXPECT_THAT(refusal(model.loss, {.optimizer = {.beta1 = 1.5}}),
              HasSubstr("adamw: beta1 must be at least 0 and below 1, got 1.5"));
  EXPECT_THAT(refusal(model.loss, {.optimizer = {.eps = NAN}}),
              HasSubstr("eps must be at least 0, got nan"));
  model.graph.parameter("forgotten", {3, 2});
  EXPECT_THAT(refusal(model.loss), HasSubstr("'forgotten' does not reach the loss"));

  Graph empty;
  const Value loss = ops::sum(empty.input("x", {DType::kF32, {2, 2}}));
  EXPECT_THAT(said_by([&] { TrainProgram(empty, loss); }), HasSubstr("no parameters"));
}

TEST(TrainProgram, SaysWhichNamesThereAre) {
  const LeastSquares model;
  TrainProgram program(model.graph, model.loss);
  EXPECT_THAT(said_by([&] { program.input<float>("y"); }),
              AllOf(HasSubstr("no input 'y'"), HasSubstr("it has x, target")));
  EXPECT_THAT(said_by([&] { program.input<int32_t>("x"); }),
              AllOf(HasSubstr("'x' is f32[4, 2]"), HasSubstr("asked for as i32")));
  EXPECT_THAT(said_by([&] { program.parameter("bias"); }),
              AllOf(HasSubstr("no parameter 'bias'"), HasSubstr("it has w")));
  EXPECT_THAT(said_by([&] { program.gradient("x"); }), HasSubstr("no parameter 'x'"));
}

TEST(TrainProgram, StepsAreTakenInOrder) {
  const LeastSquares model;
  TrainProgram program(model.graph, model.loss);
  EXPECT_THAT(said_by([&] { program.micro_batch(); }), HasSubstr("call begin_step() first"));
  EXPECT_THAT(said_by([&] { program.end_step(0.1); }), HasSubstr("without a micro-batch"));
  program.begin_step(4);
  EXPECT_THAT(said_by([&] { program.end_step(0.1); }), HasSubstr("without a micro-batch"));
  EXPECT_THAT(said_by([&] { program.begin_step(0); }), HasSubstr("at least one label"));
  fill(program, 0, 4);
  EXPECT_THAT(said_by([&] { program.step({.learning_rate = NAN}); }),
              HasSubstr("learning rate is not a number"));
}

TEST(Graph, NamesAreUniqueAndTheUsers) {
  Graph graph;
  graph.input("x", {DType::kF32, {2}});
  EXPECT_THAT(said_by([&] { graph.parameter("x", {2}); }), HasSubstr("two values of the name"));
  EXPECT_THAT(said_by([&] { graph.parameter("@gradients", {2}); }), HasSubstr("begin with '@'"));
  EXPECT_THAT(said_by([&] { graph.input("", {DType::kF32, {2}}); }), HasSubstr("is not empty"));
}

TEST(Graph, AConstantIsSharedWhereItsContentsAreTheSame) {
  Graph graph;
  const std::vector<float> contents{1, 2, 3};
  const Value first = graph.constant("table", {3}, contents);
  EXPECT_EQ(first, graph.constant("table", {3}, contents));
  EXPECT_THAT(said_by([&] {
                graph.constant<float>("table", {3}, {1, 2, 4});
              }),
              HasSubstr("two values of the name 'table'"));
  EXPECT_THAT(said_by([&] { graph.constant("other", {4}, contents); }),
              AllOf(HasSubstr("f32[4] needs 16 bytes"), HasSubstr("got 12")));
}

TEST(Graph, RotaryTablesOfOtherAnglesAreOtherConstants) {
  Graph graph;
  const ops::RotaryTable near{.positions = 8, .rotary_dim = 4};
  ops::RotaryTable far = near;
  far.theta = 500000;
  EXPECT_EQ(ops::rotary_table(graph, near), ops::rotary_table(graph, near));
  EXPECT_FALSE(ops::rotary_table(graph, near) == ops::rotary_table(graph, far));
}

TEST(Graph, OperatorsSayWhatIsWrongWithTheirOperands) {
  Graph graph, other;
  const Value a = graph.input("a", {DType::kF32, {2, 3}});
  const Value b = graph.input("b", {DType::kF32, {3, 2}});
  const Value foreign = other.input("a", {DType::kF32, {2, 3}});
  EXPECT_THAT(said_by([&] { a + b; }), AllOf(HasSubstr("f32[2, 3]"), HasSubstr("f32[3, 2]")));
  EXPECT_THAT(said_by([&] { a* b; }), AllOf(HasSubstr("f32[2, 3]"), HasSubstr("f32[3, 2]")));
  EXPECT_THAT(said_by([&] { a + foreign; }), HasSubstr("belong to different graphs"));
  EXPECT_THAT(said_by([&] { a + Value(); }), HasSubstr("add: needs 2 inputs"));
  EXPECT_THAT(said_by([&] { ops::rms_norm(a, {}, -1); }),
              HasSubstr("rms_norm: eps must be at least 0, got -1"));
}

}  // namespace
}  // namespace weft
