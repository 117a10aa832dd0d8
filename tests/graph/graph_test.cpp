// Building graphs: what values and nodes know, and what is refused with which message.
#include "graph/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "graph/registry.h"
#include "message_of.h"
#include "weft/ops/add.h"
#include "weft/ops/layer_norm.h"
#include "weft/ops/linear.h"
#include "weft/ops/scale.h"

namespace weft::test {
namespace {

using namespace graph;
using testing::HasSubstr;

const OpContract& contract(std::string_view name) {
  return *find_contract(name);
}

TEST(Graph, ValuesKnowTheirTypeNameAndKind) {
  Graph graph;
  const Value w = graph.parameter("w", {2, 3}, Initializer::normal(0.5));
  const Value x = graph.input("x", {DType::kI32, {4}});
  const Value s = graph.state("s", {DType::kBF16, {}});
  EXPECT_EQ(w.type().to_string(), "f32[2, 3]");
  EXPECT_EQ(x.type().to_string(), "i32[4]");
  EXPECT_EQ(s.type().to_string(), "bf16[]");
  EXPECT_EQ(w.name(), "w");
  const GraphData& data = graph.data();
  EXPECT_EQ(data.value(w.id()).kind, ValueKind::kParameter);
  EXPECT_EQ(data.value(x.id()).kind, ValueKind::kInput);
  EXPECT_EQ(data.value(s.id()).kind, ValueKind::kState);
  EXPECT_EQ(data.value(w.id()).initializer.value, 0.5);
  EXPECT_EQ(data.find("w"), w.id());
  EXPECT_EQ(data.find("nothing"), kNoValue);
  EXPECT_FALSE(Value());
}

TEST(Graph, EveryKindAndPhaseHasAWord) {
  EXPECT_EQ(weft::name_of(ValueKind::kParameter), "parameter");
  EXPECT_EQ(weft::name_of(ValueKind::kState), "state");
  EXPECT_EQ(weft::name_of(ValueKind::kInput), "input");
  EXPECT_EQ(weft::name_of(ValueKind::kConstant), "constant");
  EXPECT_EQ(weft::name_of(ValueKind::kTemporary), "temporary");
  EXPECT_EQ(graph::name_of(Phase::kForward), "forward");
  EXPECT_EQ(graph::name_of(Phase::kBackward), "backward");
  EXPECT_EQ(graph::name_of(Phase::kUpdate), "update");
}

TEST(Graph, NamesAreUniqueAmongAllKinds) {
  Graph graph;
  graph.parameter("w", {2});
  const std::string message = "the graph has two values of the name 'w'; names are unique";
  EXPECT_EQ(message_of([&] { graph.parameter("w", {2}); }), message);
  EXPECT_EQ(message_of([&] { graph.input("w", {}); }), message);
  EXPECT_EQ(message_of([&] { graph.state("w", {}); }), message);
  const std::array<std::byte, 4> bytes{};
  EXPECT_EQ(message_of([&] { graph.constant("w", {DType::kF32, {1}}, bytes); }), message);
  EXPECT_EQ(graph.data().values.size(), 1u);
}

TEST(Graph, ConstantsOfOneNameAndTypeAreOneValue) {
  Graph graph;
  const std::array<std::byte, 8> bytes{};
  const TensorType type{DType::kF32, {2}};
  const Value first = graph.constant("c", type, bytes);
  EXPECT_EQ(graph.constant("c", type, bytes), first);
  EXPECT_EQ(graph.data().value(first.id()).contents.size(), 8u);
  EXPECT_THAT(message_of([&] {
                graph.constant("c", {DType::kI32, {2}}, bytes);
              }),
              HasSubstr("two values of the name 'c'"));
}

TEST(Graph, ConstantsNeedAsManyBytesAsTheirType) {
  Graph graph;
  const std::array<std::byte, 7> bytes{};
  EXPECT_EQ(message_of([&] {
              graph.constant("c", {DType::kF32, {2}}, bytes);
            }),
            "constant 'c' of type f32[2] needs 8 bytes, got 7");
}

TEST(Graph, ShapesAreChecked) {
  Graph graph;
  EXPECT_NE(message_of([&] { graph.parameter("a", {1, 2, 3, 4, 5, 6}); }), "");
  EXPECT_NE(message_of([&] { graph.parameter("b", {-1}); }), "");
  EXPECT_NE(message_of([&] { graph.parameter("c", {int64_t{1} << 40, int64_t{1} << 40}); }), "");
  EXPECT_TRUE(graph.data().values.empty());
}

TEST(Graph, ScopesNestAndEnd) {
  Graph graph;
  const Value x = graph.parameter("x", {2});
  {
    const Graph::Scope outer(graph, "layers.0");
    ops::scale(x, 1.0);
    {
      const Graph::Scope inner(graph, "mlp");
      ops::scale(x, 1.0);
    }
    ops::scale(x, 1.0);
  }
  ops::scale(x, 1.0);
  std::vector<std::string> scopes;
  for (const Node& node : graph.data().nodes) scopes.push_back(node.scope);
  EXPECT_EQ(scopes, (std::vector<std::string>{"layers.0", "layers.0.mlp", "layers.0", ""}));
}

TEST(Graph, MovesKeepItsValuesValid) {
  Graph graph;
  const Value x = graph.parameter("x", {2});
  Graph moved = std::move(graph);
  const Value y = ops::scale(x, 2.0);
  EXPECT_EQ(y.shape(), Shape({2}));
  EXPECT_EQ(moved.data().nodes.size(), 1u);
}

TEST(Apply, MakesANodeWithTypedOutputs) {
  Graph graph;
  const Value x = graph.parameter("x", {2, 3, 5}), w = graph.parameter("w", {7, 5});
  const Value y = ops::linear(x, w);
  EXPECT_EQ(y.type().to_string(), "f32[2, 3, 7]");
  const ValueInfo& info = graph.data().value(y.id());
  EXPECT_EQ(info.kind, ValueKind::kTemporary);
  const Node& node = graph.data().node(info.producer);
  EXPECT_EQ(node.contract, &contract("linear"));
  EXPECT_EQ(node.inputs, (std::vector<ValueId>{x.id(), w.id()}));  // no trailing bias
  EXPECT_EQ(node.outputs, std::vector<ValueId>{y.id()});
  EXPECT_EQ(graph.data().order, std::vector<NodeId>{info.producer});
}

TEST(Apply, KeepsAbsentOperandsInTheMiddle) {
  Graph graph;
  const Value x = graph.parameter("x", {2, 4});
  const Values outputs = apply(contract("layer_norm"), {x, Value(), Value()}, ops::NormParams{});
  EXPECT_EQ(graph.data().node(0).inputs, std::vector<ValueId>{x.id()});
  EXPECT_EQ(outputs.size(), 3u);
}

TEST(Apply, RefusesWrongArity) {
  Graph graph;
  const Value x = graph.parameter("x", {2});
  EXPECT_EQ(message_of([&] { apply(contract("add"), {x}); }),
            "add: needs 2 inputs, got 1 (or a mandatory one was left out)");
  EXPECT_EQ(message_of([&] {
              apply(contract("add"), {x, x, x});
            }),
            "add: needs 2 inputs, got 3 (or a mandatory one was left out)");
  EXPECT_EQ(message_of([&] {
              apply(contract("add"), {Value(), x});
            }),
            "add: needs 2 inputs, got 2 (or a mandatory one was left out)");
  EXPECT_THAT(message_of([&] { apply(contract("linear"), {x}, ops::LinearParams{}); }),
              HasSubstr("linear: needs 2 to 3 inputs, got 1"));
}

TEST(Apply, RefusesValuesOfTwoGraphs) {
  Graph one, other;
  const Value a = one.parameter("a", {2}), b = other.parameter("b", {2});
  EXPECT_EQ(message_of([&] { ops::add(a, b); }), "add: its inputs belong to different graphs");
}

TEST(Apply, LeavesTheGraphAsItWasAfterAnError) {
  Graph graph;
  const Value a = graph.parameter("a", {2}), b = graph.parameter("b", {3});
  EXPECT_THAT(message_of([&] { ops::add(a, b); }),
              HasSubstr("add: both inputs must have the same type, got f32[2] and f32[3]"));
  EXPECT_TRUE(graph.data().nodes.empty());
  EXPECT_TRUE(graph.data().order.empty());
  EXPECT_EQ(graph.data().values.size(), 2u);
}

TEST(Registry, EveryOperatorIsFoundByItsNameAndHasAKernel) {
  ASSERT_FALSE(all_contracts().empty());
  ASSERT_EQ(cpu_kernels().size(), all_contracts().size());
  for (const OpContract* c : all_contracts()) {
    EXPECT_EQ(find_contract(c->name), c);
    EXPECT_NE(cpu_kernels()[index_of(*c)], nullptr) << c->name;
  }
  EXPECT_EQ(find_contract("no_such_operator"), nullptr);
  OpContract stranger = contract("add");
  EXPECT_EQ(message_of([&] { index_of(stranger); }), "add: is not listed in ops.def");
}

TEST(ParamsOfAnOperator, PrintAndCompareByTheirFields) {
  const Params a = ops::NormParams{1e-5}, b = ops::NormParams{1e-5}, c = ops::NormParams{1e-6};
  EXPECT_EQ(a.describe(), "eps=1e-05");
  EXPECT_EQ(a.describe(), b.describe());
  EXPECT_NE(a.describe(), c.describe());
  EXPECT_EQ(Params().describe(), "");
  EXPECT_TRUE(Params().empty());
}

}  // namespace
}  // namespace weft::test
