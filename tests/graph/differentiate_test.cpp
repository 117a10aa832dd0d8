// Reverse-mode differentiation: by hand where the order of terms matters, and against central
// differences in float64 on random graphs.
#include "graph/differentiate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "graph/reference.h"
#include "graph/registry.h"
#include "message_of.h"
#include "random_model.h"
#include "weft/ops/add.h"
#include "weft/ops/cast.h"
#include "weft/ops/mul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/rms_norm.h"
#include "weft/ops/scale.h"

namespace weft::test {
namespace {

using namespace graph;
using testing::HasSubstr;

Value seed_of(Graph& graph) {
  return graph.input("seed", {DType::kF32, {1}});
}

std::vector<std::string> producers(const GraphData& data, const std::vector<Value>& values) {
  std::vector<std::string> names;
  for (const Value& value : values) {
    const NodeId node = data.value(value.id()).producer;
    names.emplace_back(node == kNoNode ? value.name() : data.node(node).contract->name);
  }
  return names;
}

// ---- By hand ----

TEST(Differentiate, ContributionsComeInTheOrderInWhichBackwardMakesThem) {
  Graph graph;
  const Value x = graph.parameter("x", {3});
  const Value first = ops::scale(x, 2.0), second = ops::mul(x, first), third = ops::sum(second);
  const Contributions found = differentiate(graph.data(), {third}, {seed_of(graph)}, {x.id()});
  // mul is the last reader of x, so it is the first to contribute.
  EXPECT_EQ(producers(graph.data(), found.at(x.id())), (std::vector<std::string>{"mul", "scale"}));
  const Value sum = sum_of(found.at(x.id()));
  const Node& add = graph.data().node(graph.data().value(sum.id()).producer);
  EXPECT_EQ(add.contract->name, "add");
  EXPECT_EQ(add.inputs[0], found.at(x.id())[0].id());
  EXPECT_EQ(add.inputs[1], found.at(x.id())[1].id());
}

TEST(Differentiate, ValueUsedTwiceByOneOperatorContributesTwice) {
  Graph graph;
  const Value x = graph.parameter("x", {3});
  const Value loss = ops::sum(ops::mul(x, x));
  const Contributions found = differentiate(graph.data(), {loss}, {seed_of(graph)}, {x.id()});
  ASSERT_EQ(found.at(x.id()).size(), 2u);
  const Value gradient = sum_of(found.at(x.id()));
  ReferenceValues values;
  values[x.id()] = {x.type(), {1, -2, 3}};
  values[graph.data().find("seed")] = {{DType::kF32, {1}}, {0.5}};
  run_reference(graph.data(), values);
  EXPECT_EQ(values.at(gradient.id()).data, (std::vector<double>{1, -2, 3}));
}

TEST(Differentiate, WhatTheLossDoesNotDependOnHasNoEntry) {
  Graph graph;
  const Value used = graph.parameter("used", {2}), unused = graph.parameter("unused", {2});
  const Value elsewhere = graph.parameter("elsewhere", {2});
  ops::scale(elsewhere, 3.0);
  const Value loss = ops::sum(used);
  const Contributions found = differentiate(graph.data(), {loss}, {seed_of(graph)},
                                            {used.id(), unused.id(), elsewhere.id()});
  EXPECT_EQ(found.size(), 1u);
  EXPECT_EQ(found.count(used.id()), 1u);
}

TEST(Differentiate, BranchesThatNothingWantsGetNoNodes) {
  Graph graph;
  const Value wanted = graph.parameter("wanted", {2}), other = graph.parameter("other", {2});
  const Value loss = ops::sum(ops::add(wanted, ops::scale(other, 2.0)));
  const size_t before = graph.data().nodes.size();
  differentiate(graph.data(), {loss}, {seed_of(graph)}, {wanted.id()});
  for (size_t n = before; n < graph.data().nodes.size(); ++n)
    EXPECT_NE(graph.data().nodes[n].contract->name, "scale");
}

TEST(Differentiate, SeveralLossesAddUp) {
  Graph graph;
  const Value x = graph.parameter("x", {2});
  const Value a = ops::sum(x), b = ops::sum(ops::scale(x, 10.0));
  const Value seed = seed_of(graph);
  const Contributions found = differentiate(graph.data(), {a, b}, {seed, seed}, {x.id()});
  const Value gradient = sum_of(found.at(x.id()));
  ReferenceValues values;
  values[x.id()] = {x.type(), {0, 0}};
  values[seed.id()] = {seed.type(), {1}};
  run_reference(graph.data(), values);
  EXPECT_EQ(values.at(gradient.id()).data, (std::vector<double>{11, 11}));
}

TEST(Differentiate, GradientOfAnInnerValueIsTheWholeSum) {
  Graph graph;
  const Value x = graph.parameter("x", {2});
  const Value inner = ops::scale(x, 2.0);
  const Value loss = ops::sum(ops::add(inner, ops::scale(inner, 5.0)));
  const Contributions found =
      differentiate(graph.data(), {loss}, {seed_of(graph)}, {inner.id(), x.id()});
  EXPECT_EQ(found.at(inner.id()).size(), 2u);
  const Value dx = sum_of(found.at(x.id()));
  ReferenceValues values;
  values[x.id()] = {x.type(), {1, 1}};
  values[graph.data().find("seed")] = {{DType::kF32, {1}}, {1}};
  run_reference(graph.data(), values);
  EXPECT_EQ(values.at(dx.id()).data, (std::vector<double>{12, 12}));
}

TEST(Differentiate, BackwardNodesStandInTheForwardNodesScopeAndPhase) {
  Graph graph;
  const Value x = graph.parameter("x", {2});
  Value loss;
  {
    const Graph::Scope scope(graph, "layers.7");
    loss = ops::sum(ops::scale(x, 2.0));
  }
  const size_t before = graph.data().nodes.size();
  differentiate(graph.data(), {loss}, {seed_of(graph)}, {x.id()});
  ASSERT_GT(graph.data().nodes.size(), before);
  for (size_t n = before; n < graph.data().nodes.size(); ++n) {
    EXPECT_EQ(graph.data().nodes[n].scope, "layers.7");
    EXPECT_EQ(graph.data().nodes[n].phase, Phase::kBackward);
  }
  EXPECT_EQ(graph.data().phase, Phase::kForward);
  EXPECT_EQ(graph.data().scope, "");
}

TEST(Differentiate, SumsOfDifferentTypesAreMadeInFp32) {
  Graph graph;
  const Value a = graph.input("a", {DType::kBF16, {2}}), b = graph.input("b", {DType::kF32, {2}});
  EXPECT_EQ(sum_of({a, b}).dtype(), DType::kF32);
  EXPECT_EQ(sum_of({a, a}).dtype(), DType::kBF16);
  EXPECT_EQ(sum_of({a}), a);
  EXPECT_FALSE(sum_of({}));
}

TEST(Differentiate, SaysWhichOperatorHasNoGradient) {
  Graph graph;
  OpContract without = *find_contract("scale");
  without.gradient = nullptr;
  const Value x = graph.parameter("x", {2});
  const Value loss = ops::sum(apply(without, {x}, ops::ScaleParams{2.0})[0]);
  EXPECT_THAT(message_of([&] { differentiate(graph.data(), {loss}, {seed_of(graph)}, {x.id()}); }),
              HasSubstr("scale at '' has no gradient, but a parameter's gradient needs one"));
}

TEST(Differentiate, RefusesAGradientOfAnotherShape) {
  Graph graph;
  OpContract wrong = *find_contract("scale");
  wrong.gradient = [](const GradientCall& call) -> Values {
    return {ops::sum(call.output_gradients[0])};
  };
  const Value x = graph.parameter("x", {2});
  const Value loss = ops::sum(apply(wrong, {x}, ops::ScaleParams{2.0})[0]);
  EXPECT_THAT(message_of([&] { differentiate(graph.data(), {loss}, {seed_of(graph)}, {x.id()}); }),
              HasSubstr("the gradient of a value of type f32[2] has the shape [1]"));
}

TEST(Differentiate, NoGradientFlowsThroughIntegersAndStatistics) {
  Graph graph;
  const Value x = graph.parameter("x", {2, 3});
  const OpContract& norm = *find_contract("rms_norm");
  const Values outputs = apply(norm, {x}, ops::NormParams{});
  const Value loss = ops::sum(outputs[1]);  // a statistic
  EXPECT_TRUE(differentiate(graph.data(), {loss}, {seed_of(graph)}, {x.id()}).empty());
}

// ---- Random graphs ----

class DifferentiateRandom : public testing::TestWithParam<uint64_t> {
 protected:
  static void check(uint64_t number);

  static ReferenceValues inputs_of(RandomModel& model) {
    ReferenceValues values;
    for (const ValueInfo& info : model.graph.data().values)
      if (info.producer == kNoNode)
        values[model.graph.data().find(info.name)] = {
            info.type, values_by_name(info.name, info.type.shape.elements())};
    return values;
  }

  static double loss_of(RandomModel& model, ReferenceValues values) {
    run_reference(model.graph.data(), values);
    return values.at(model.loss.id()).data[0];
  }

  // d loss along `direction` of one parameter, by central differences.
  static double difference(RandomModel& model, const ReferenceValues& values, ValueId id,
                           const std::vector<double>& direction) {
    constexpr double kStep = 1e-5;
    double result = 0;
    for (const double sign : {1.0, -1.0}) {
      ReferenceValues moved = values;
      for (size_t e = 0; e < direction.size(); ++e)
        moved.at(id).data[e] += sign * kStep * direction[e];
      result += sign * loss_of(model, moved) / (2 * kStep);
    }
    return result;
  }
};

void DifferentiateRandom::check(uint64_t number) {
  RandomModel model = random_model(number), backward = random_model(number);
  const ReferenceValues values = inputs_of(model);
  std::vector<ValueId> wanted = {backward.input.id()};
  for (const Value& parameter : backward.parameters) wanted.push_back(parameter.id());
  const Value seed = seed_of(backward.graph);
  const Contributions found = differentiate(backward.graph.data(), {backward.loss}, {seed}, wanted);
  EXPECT_EQ(found.count(wanted.back()), 0u) << "of a parameter that nothing reads";
  std::map<ValueId, Value> gradients;
  for (const auto& [id, terms] : found) gradients[id] = sum_of(terms);
  ReferenceValues all = inputs_of(backward);
  all[seed.id()] = {seed.type(), {1}};
  run_reference(backward.graph.data(), all);
  for (const ValueId id : wanted) {
    const std::vector<double> direction =
        values_by_name("direction", values.at(id).type.shape.elements());
    const double expected = difference(model, values, id, direction);
    double actual = 0, size = 1;
    if (gradients.count(id) != 0) {
      const std::vector<double>& gradient = all.at(gradients.at(id).id()).data;
      for (size_t e = 0; e < direction.size(); ++e) {
        actual += gradient[e] * direction[e];
        size += std::abs(gradient[e] * direction[e]);
      }
    }
    EXPECT_LE(std::abs(expected - actual), 1e-6 * (size + std::abs(expected)))
        << model.graph.data().value(id).name << " of graph " << number;
  }
}

TEST_P(DifferentiateRandom, GradientsEqualCentralDifferences) {
  for (uint64_t i = 0; i < 12; ++i) check(12 * GetParam() + i);
}

INSTANTIATE_TEST_SUITE_P(Seeds, DifferentiateRandom, testing::Range(uint64_t{0}, uint64_t{8}));

}  // namespace
}  // namespace weft::test
