// The public API on a GPU, which the emulated device stands in for: the CPU's numbers, inputs and
// parameters that the host writes, steps of several micro-batches, and what it says of wrong calls.
#include "weft/train_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <weft/ops.h>

#include "tests/core/refusals.h"

namespace weft {
namespace {

using testing::HasSubstr;

// y = relu(x a) b over rows of four numbers, loss = sum (y - target)^2.
struct TwoLayers {
  Graph graph;
  Value loss;

  explicit TwoLayers(int64_t rows) {
    const Value x = graph.input("x", {DType::kF32, {rows, 4}});
    const Value target = graph.input("target", {DType::kF32, {rows, 1}});
    const Value hidden =
        ops::activation(ops::linear(x, graph.parameter("a", {8, 4}, Initializer::normal(0.5))),
                        ops::Activation::kRelu);
    const Value y = ops::linear(hidden, graph.parameter("b", {1, 8}, Initializer::normal(0.5)));
    const Value difference = y + -1.0 * target;
    loss = ops::sum(difference * difference);
  }
};

class TrainProgramOnDevice : public testing::Test {
 protected:
  void SetUp() override { setenv("WEFT_TEST_DEVICE", "emulated", 0); }  // or a GPU

  static TrainProgram program(const std::string& device, int64_t rows, int micro_batches = 1,
                              DType compute = DType::kF32) {
    const TwoLayers model(rows);
    return {model.graph,
            model.loss,
            {.compute = compute, .threads = 1, .device = device, .micro_batches = micro_batches}};
  }
  static void fill(TrainProgram& program, int64_t first_row) {
    const auto x = program.input<float>("x"), target = program.input<float>("target");
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = std::sin(static_cast<float>(4 * first_row) + static_cast<float>(i));
    for (size_t i = 0; i < target.size(); ++i)
      target[i] = std::cos(static_cast<float>(first_row) + static_cast<float>(i));
  }
  static std::vector<float> copy(std::span<const float> values) {
    return {values.begin(), values.end()};
  }
};

// Sums of at most 8 terms of size 1; a step moves a parameter by its rate.
TEST_F(TrainProgramOnDevice, GivesTheNumbersOfTheCpu) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    TrainProgram cpu = program("cpu", 6, 1, compute), device = program("cuda", 6, 1, compute);
    EXPECT_EQ(cpu.device(), "cpu");
    EXPECT_THAT(device.device(), HasSubstr(":0 ("));
    EXPECT_EQ(device.planned_bytes(), device.high_water_bytes());
    const double allowed = compute == DType::kF32 ? 1e-5 : 2e-2;
    for (int step = 0; step < 4; ++step) {
      for (TrainProgram* each : {&cpu, &device}) fill(*each, step);
      const StepResult expected = cpu.step({.labels = 6, .learning_rate = 0.02});
      const StepResult actual = device.step({.labels = 6, .learning_rate = 0.02});
      EXPECT_LE(std::abs(actual.loss - expected.loss), allowed) << step;
      EXPECT_LE(std::abs(actual.gradient_norm - expected.gradient_norm), 4 * allowed) << step;
      EXPECT_TRUE(actual.applied);
    }
    if (compute == DType::kBF16) continue;
    for (const char* name : {"a", "b"}) {
      const auto expected = copy(cpu.parameter(name)), actual = copy(device.parameter(name));
      const auto gradient = copy(cpu.gradient(name)), same = copy(device.gradient(name));
      for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_LE(std::abs(actual[i] - expected[i]), 1e-5) << name << i;
        EXPECT_LE(std::abs(same[i] - gradient[i]), 1e-5) << name << i;
      }
    }
  }
}

// An input that is not written again keeps what it holds, in every micro-batch and step.
TEST_F(TrainProgramOnDevice, AStepHasSeveralMicroBatches) {
  TrainProgram cpu = program("cpu", 2), device = program("cuda", 2, 3);
  for (int step = 0; step < 3; ++step) {
    for (TrainProgram* each : {&cpu, &device}) {
      each->begin_step(6);
      for (int micro = 0; micro < 3; ++micro) {
        if (micro < 2) fill(*each, 2 * micro + step);
        each->micro_batch();
      }
    }
    const StepResult expected = cpu.end_step(0.02), actual = device.end_step(0.02);
    EXPECT_LE(std::abs(actual.loss - expected.loss), 1e-5) << step;
  }
}

TEST_F(TrainProgramOnDevice, ParametersMayBeWritten) {
  TrainProgram cpu = program("cpu", 6), device = program("cuda", 6);
  for (TrainProgram* each : {&cpu, &device}) {
    fill(*each, 0);
    each->step({.labels = 6, .learning_rate = 0.02});
    const auto a = each->parameter("a"), b = each->parameter("b");
    std::fill(a.begin(), a.end(), 0.25f);
    std::fill(b.begin(), b.end(), -0.5f);
    each->parameters_changed();
  }
  EXPECT_EQ(device.parameter("a")[3], 0.25f);
  const double expected = cpu.step({.labels = 6, .learning_rate = 0}).loss;
  EXPECT_LE(std::abs(device.step({.labels = 6, .learning_rate = 0}).loss - expected), 1e-5);
  EXPECT_EQ(device.parameter("b")[7], -0.5f);
}

TEST_F(TrainProgramOnDevice, WrongCallsAreTold) {
  EXPECT_EQ(said_by([] { program("tpu", 2); }),
            "device: 'tpu' is not known; allowed: auto, cpu, cuda");
  EXPECT_THAT(said_by([] { program("cuda", 2, 0); }),
              HasSubstr("micro_batches must be at least 1"));
  TrainProgram device = program("gpu", 2, 2);
  EXPECT_THAT(said_by([&] { device.input<float>("y"); }), HasSubstr("it has x, target"));
  EXPECT_THAT(said_by([&] { device.input<int32_t>("x"); }), HasSubstr("asked for as i32"));
  device.begin_step(2);
  device.micro_batch();
  EXPECT_THAT(said_by([&] { device.end_step(0.1); }), HasSubstr("1 of the 2 micro-batches"));
  device.micro_batch();
  EXPECT_THAT(said_by([&] { device.micro_batch(); }), HasSubstr("again after 2"));
  EXPECT_TRUE(std::isfinite(device.end_step(0.1).loss));
}

}  // namespace
}  // namespace weft
