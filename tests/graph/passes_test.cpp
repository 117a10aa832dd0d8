// The rewriting passes: precision, accumulation into buffers, what simplification leaves out, and
// what is fused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "graph/accumulate.h"
#include "graph/differentiate.h"
#include "graph/fuse.h"
#include "graph/precision.h"
#include "graph/registry.h"
#include "graph/simplify.h"
#include "small_decoder.h"
#include "train/step_graph.h"
#include "weft/ops/accumulate.h"
#include "weft/ops/activation.h"
#include "weft/ops/add.h"
#include "weft/ops/cast.h"
#include "weft/ops/embedding.h"
#include "weft/ops/gated_activation.h"
#include "weft/ops/linear.h"
#include "weft/ops/linear_cross_entropy.h"
#include "weft/ops/mul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/rms_norm.h"
#include "weft/ops/scale.h"

namespace weft::test {
namespace {

using namespace graph;
using testing::ElementsAre;

std::vector<std::string> names(const GraphData& data) {
  std::vector<std::string> result;
  for (const NodeId id : data.order) result.emplace_back(data.node(id).contract->name);
  return result;
}

int64_t count(const GraphData& data, std::string_view name) {
  const std::vector<std::string> all = names(data);
  return std::count(all.begin(), all.end(), name);
}

ValueId mapped(const PrecisionResult& result, Value value) {
  return result.map[static_cast<size_t>(value.id())];
}

// ---- Precision ----

struct Mixed {
  Graph graph;
  Value ids = graph.input("ids", {DType::kI32, {6}});
  Value table = graph.parameter("table", {7, 4});
  Value scale = graph.parameter("scale", {4});
  Value weight = graph.parameter("weight", {4, 4});
  Value bias = graph.parameter("bias", {4});
  Value normed = ops::rms_norm(ops::embedding(ids, table), scale);
  Value y = ops::add(ops::linear(normed, weight, bias), ops::linear(normed, weight));
  Value loss = ops::sum(y);
};

TEST(Precision, InFp32TheGraphIsCopiedAsItIs) {
  Mixed m;
  const PrecisionResult result = apply_precision(m.graph.data(), DType::kF32);
  EXPECT_EQ(names(*result.graph), names(m.graph.data()));
  EXPECT_EQ(result.graph->values.size(), m.graph.data().values.size());
  EXPECT_EQ(result.graph->value(mapped(result, m.loss)).type, m.loss.type());
}

TEST(Precision, MatricesAreReadAsCopiesAndNormScalesAndBiasesStayFp32) {
  Mixed m;
  const PrecisionResult result = apply_precision(m.graph.data(), DType::kBF16);
  const GraphData& data = *result.graph;
  const ValueId copy = data.find("weight@compute");
  ASSERT_NE(copy, kNoValue);
  EXPECT_EQ(data.value(copy).type.to_string(), "bf16[4, 4]");
  EXPECT_EQ(data.value(copy).kind, ValueKind::kState);
  EXPECT_EQ(data.value(copy).master, data.find("weight"));
  EXPECT_NE(data.find("table@compute"), kNoValue);
  EXPECT_EQ(data.find("scale@compute"), kNoValue);
  EXPECT_EQ(data.find("bias@compute"), kNoValue);
  EXPECT_EQ(data.value(data.find("weight")).type.dtype, DType::kF32);
  EXPECT_EQ(data.value(mapped(result, m.normed)).type.dtype, DType::kBF16);
  EXPECT_EQ(data.value(mapped(result, m.loss)).type.dtype, DType::kF32);
  EXPECT_EQ(data.value(mapped(result, m.ids)).type.dtype, DType::kI32);
}

TEST(Precision, AnInputIsCastOnceHoweverOftenItIsRead) {
  Graph graph;
  const Value x = graph.input("x", {DType::kF32, {2}});
  ops::mul(ops::add(x, x), x);
  const PrecisionResult result = apply_precision(graph.data(), DType::kBF16);
  EXPECT_THAT(names(*result.graph), ElementsAre("cast", "add", "mul"));
}

TEST(Precision, ViewsKeepTheirBases) {
  Graph graph;
  graph.input("before", {DType::kF32, {1}});
  const Value base = graph.state("base", {DType::kF32, {8}});
  const Value view = graph.state("view", {DType::kF32, {4}});
  graph.data().value(view.id()).base = base.id();
  graph.data().value(view.id()).offset = 2;
  const PrecisionResult result = apply_precision(graph.data(), DType::kF32);
  const ValueInfo& info = result.graph->value(result.graph->find("view"));
  EXPECT_EQ(info.base, result.graph->find("base"));
  EXPECT_EQ(info.offset, 2);
  EXPECT_EQ(result.graph->root(result.graph->find("view")), info.base);
}

// ---- Accumulation ----

struct Accumulated {
  Graph graph;
  Value x = graph.input("x", {DType::kF32, {5, 3}});
  Value weight = graph.parameter("weight", {3, 3});
  Value buffer = graph.state("buffer", {DType::kF32, {3, 3}});
  Value flag = graph.input("flag", {DType::kF32, {1}});
  Value seed = graph.input("seed", {DType::kF32, {1}});

  std::vector<const Node*> writers(Value loss) {
    const Contributions found = differentiate(graph.data(), {loss}, {seed}, {weight.id()});
    accumulate_into(graph.data(), found.at(weight.id()), buffer, flag);
    drop_dead_nodes(graph.data(), {});
    std::vector<const Node*> result;
    for (const NodeId id : graph.data().order) {
      const Node& node = graph.data().node(id);
      for (const Accumulation& a : node.contract->accumulates)
        if (a.into < node.inputs.size() && node.inputs[a.into] != kNoValue) result.push_back(&node);
    }
    return result;
  }
};

TEST(Accumulate, AProducerThatCanAddsStraightIntoTheBuffer) {
  Accumulated a;
  const auto writers = a.writers(ops::sum(ops::linear(a.x, a.weight)));
  ASSERT_EQ(writers.size(), 1u);
  EXPECT_EQ(writers[0]->contract->name, "linear_weight_gradient");
  EXPECT_EQ(count(a.graph.data(), "accumulate"), 0);
  const Accumulation& into = writers[0]->contract->accumulates[0];
  EXPECT_EQ(writers[0]->inputs[into.into], a.buffer.id());
  EXPECT_EQ(writers[0]->inputs[into.flag], a.flag.id());
}

TEST(Accumulate, OnlyTheFirstOfSeveralMayOverwrite) {
  Accumulated a;
  const Value once = ops::linear(a.x, a.weight);
  const auto writers = a.writers(ops::sum(ops::linear(once, a.weight)));
  ASSERT_EQ(writers.size(), 2u);
  const Accumulation& into = writers[0]->contract->accumulates[0];
  EXPECT_EQ(writers[0]->inputs[into.into], a.buffer.id());
  EXPECT_EQ(writers[0]->inputs[into.flag], a.flag.id());
  EXPECT_EQ(writers[1]->inputs[into.into], writers[0]->outputs[into.output]);
  EXPECT_TRUE(writers[1]->inputs.size() <= into.flag || writers[1]->inputs[into.flag] == kNoValue);
}

TEST(Accumulate, OtherProducersAreFollowedByTheOperator) {
  Accumulated a;
  a.writers(ops::sum(ops::scale(a.weight, 2.0)));
  EXPECT_EQ(count(a.graph.data(), "accumulate"), 1);
}

// ---- Simplification ----

TEST(Simplify, WhatNobodyReadsIsDropped) {
  Graph graph;
  const Value x = graph.input("x", {DType::kF32, {2}});
  const Value kept = ops::scale(x, 2.0);
  ops::add(ops::scale(x, 3.0), kept);
  drop_dead_nodes(graph.data(), {kept.id()});
  EXPECT_THAT(names(graph.data()), ElementsAre("scale"));
}

TEST(Simplify, WhatChangesLastingMemoryStays) {
  Graph graph;
  const Value x = graph.input("x", {DType::kF32, {2}}), sum = graph.state("sum", x.type());
  ops::accumulate(sum, ops::scale(x, 2.0));
  drop_dead_nodes(graph.data(), {});
  EXPECT_THAT(names(graph.data()), ElementsAre("scale", "accumulate"));
}

struct Head {
  Graph graph;
  Value x = graph.input("x", {DType::kF32, {5, 3}});
  Value weight = graph.parameter("weight", {7, 3});
  Value labels = graph.input("labels", {DType::kI32, {5}});
  Value seed = graph.input("seed", {DType::kF32, {1}});
  Value loss = ops::linear_cross_entropy(x, weight, labels);

  void differentiate() {
    graph::differentiate(graph.data(), {loss}, {seed}, {weight.id(), x.id()});
  }
};

TEST(Simplify, AForwardNodeWhoseResultTheGradientMakesIsDropped) {
  Head head;
  head.differentiate();
  std::vector<ValueId> outputs = {head.loss.id()};
  subsume_forward(head.graph.data(), outputs);
  EXPECT_NE(outputs[0], head.loss.id());
  drop_dead_nodes(head.graph.data(), outputs);
  EXPECT_THAT(names(head.graph.data()), ElementsAre("linear_cross_entropy_backward"));
}

TEST(Simplify, ButNotIfSomebodyReadsItBefore) {
  Head head;
  const Value twice = ops::scale(head.loss, 2.0);
  head.differentiate();
  std::vector<ValueId> outputs = {head.loss.id(), twice.id()};
  subsume_forward(head.graph.data(), outputs);
  EXPECT_EQ(outputs[0], head.loss.id());
  EXPECT_EQ(count(head.graph.data(), "linear_cross_entropy"), 1);
}

TEST(Simplify, ButNotWithOtherInputs) {
  Head head;
  const Value other = head.graph.parameter("other", {7, 3});
  const Value second = ops::linear_cross_entropy(head.x, other, head.labels);
  head.differentiate();
  std::vector<ValueId> outputs = {second.id()};
  subsume_forward(head.graph.data(), outputs);
  EXPECT_EQ(outputs[0], second.id());
}

TEST(Simplify, ATrainingStepMakesNoLogitsTwice) {
  Graph graph;
  const Value loss = nn::build_loss(graph, small_llama(), {.batch = 2, .time = 8});
  const train::StepGraph step = train::build_step_graph(graph.data(), loss, {});
  EXPECT_EQ(count(*step.data, "linear_cross_entropy"), 0);
  EXPECT_EQ(count(*step.data, "linear_cross_entropy_backward"), 1);
}

// ---- Fusing ----

struct Layer {
  Graph graph;
  Value x = graph.input("x", {DType::kF32, {3, 4}});
  Value weight = graph.parameter("weight", {6, 4});
  Value sums = ops::linear(x, weight);
};

TEST(Fuse, AProductTakesItsActivation) {
  Layer layer;
  const Value y = ops::activation(layer.sums, ops::Activation::kGelu);
  GraphData& data = layer.graph.data();
  fuse(data, {y.id()});
  EXPECT_THAT(names(data), ElementsAre("linear_activation"));
  const Node& node = data.node(data.order[0]);
  EXPECT_THAT(node.outputs, ElementsAre(y.id()));
  EXPECT_EQ(node.params.describe(), "kind=gelu, layout=out_in, gated=false, keep_sums=false");
  EXPECT_EQ(data.value(y.id()).producer, data.order[0]);
}

TEST(Fuse, KeepsTheSumsThatOthersRead) {
  Layer layer;
  const Value y = ops::gated_activation(layer.sums, ops::Activation::kSilu);
  const Value other = ops::scale(layer.sums, 2.0);
  GraphData& data = layer.graph.data();
  fuse(data, {y.id(), other.id()});
  EXPECT_THAT(names(data), ElementsAre("linear_activation", "scale"));
  EXPECT_THAT(data.node(data.order[0]).outputs, ElementsAre(y.id(), layer.sums.id()));
  EXPECT_EQ(data.value(layer.sums.id()).output_index, 1);
}

TEST(Fuse, KeepsTheSumsThatAreAskedFor) {
  Layer layer;
  const Value y = ops::activation(layer.sums, ops::Activation::kRelu);
  fuse(layer.graph.data(), {layer.sums.id(), y.id()});
  EXPECT_THAT(layer.graph.data().node(layer.graph.data().order[0]).outputs,
              ElementsAre(y.id(), layer.sums.id()));
}

TEST(Fuse, OneActivationOfTwo) {
  Layer layer;
  const Value a = ops::activation(layer.sums, ops::Activation::kRelu);
  const Value b = ops::activation(layer.sums, ops::Activation::kGelu);
  fuse(layer.graph.data(), {a.id(), b.id()});
  EXPECT_THAT(names(layer.graph.data()), ElementsAre("linear_activation", "activation"));
}

TEST(Fuse, NothingElse) {
  Layer layer;
  const Value y = ops::activation(layer.x, ops::Activation::kRelu);
  const Value z = ops::scale(layer.sums, 3.0);
  fuse(layer.graph.data(), {y.id(), z.id()});
  EXPECT_THAT(names(layer.graph.data()), ElementsAre("linear", "activation", "scale"));
}

// Selective recompute makes the activation again, from sums that are kept; full recompute both.
TEST(Fuse, WhatIsMadeAgainStaysAsCheapAsItWas) {
  const auto counts = [](RecomputeMode mode) {
    Graph graph;
    const Value loss = nn::build_loss(graph, small_llama(), {.batch = 2, .time = 8});
    const train::StepGraph step = train::build_step_graph(graph.data(), loss, {.recompute = mode});
    return std::pair(count(*step.data, "linear_activation"), count(*step.data, "gated_activation"));
  };
  EXPECT_EQ(counts(RecomputeMode::kNone), std::pair(int64_t{3}, int64_t{0}));
  EXPECT_EQ(counts(RecomputeMode::kSelective), std::pair(int64_t{3}, int64_t{3}));
  EXPECT_EQ(counts(RecomputeMode::kFull), std::pair(int64_t{6}, int64_t{0}));
}

}  // namespace
}  // namespace weft::test
