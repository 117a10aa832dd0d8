// The memory planner: small cases by hand, and random graphs on one and several streams, whose
// plans are checked pair by pair.
#include "graph/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "block_operator.h"
#include "core/arena.h"
#include "memory_plan_check.h"
#include "random_model.h"

namespace weft::test {
namespace {

using namespace graph;

void expect_right(const GraphData& data, const Schedule& schedule, const PlanOptions& options,
                  const MemoryPlan& plan, const std::string& what = "") {
  for (const std::string& failure : check_plan(data, schedule, options, plan))
    ADD_FAILURE() << what << ": " << failure;
  EXPECT_GE(plan.transient_bytes, plan.transient_lower_bound) << what;
}

int64_t offset_of(const MemoryPlan& plan, Value value) {
  return plan.offsets[static_cast<size_t>(value.id())];
}

struct Chain {
  Graph graph;
  Value x = graph.input("x", {DType::kU8, {100}});
};

// ---- By hand ----

TEST(MemoryPlan, OfAnEmptyGraphIsEmpty) {
  Graph graph;
  const MemoryPlan plan = plan_memory(graph.data(), {}, {});
  EXPECT_EQ(plan.persistent_bytes, 0);
  EXPECT_EQ(plan.transient_bytes, 0);
  EXPECT_EQ(plan.transient_lower_bound, 0);
}

TEST(MemoryPlan, WhatSurvivesRunsLiesApartAndAligned) {
  Graph graph;
  const Value a = graph.parameter("a", {3}), b = graph.input("b", {DType::kU8, {65}});
  const Value c = graph.state("c", {DType::kBF16, {}});
  const MemoryPlan plan = plan_memory(graph.data(), {}, {});
  EXPECT_EQ(offset_of(plan, a), 0);
  EXPECT_EQ(offset_of(plan, b), 64);
  EXPECT_EQ(offset_of(plan, c), 192);
  EXPECT_EQ(plan.persistent_bytes, 256);
}

TEST(MemoryPlan, ExternalValuesHaveNoPlace) {
  Graph graph;
  const Value a = graph.parameter("a", {3}), b = graph.parameter("b", {3});
  const MemoryPlan plan =
      plan_memory(graph.data(), {}, {.external = [&](ValueId id) { return id == a.id(); }});
  EXPECT_EQ(offset_of(plan, a), MemoryPlan::kUnplaced);
  EXPECT_EQ(offset_of(plan, b), 0);
  EXPECT_EQ(plan.persistent_bytes, 64);
}

TEST(MemoryPlan, ViewsLieWithinTheirBases) {
  Graph graph;
  const Value before = graph.parameter("before", {1});
  const Value base = graph.parameter("base", {10}), view = graph.parameter("view", {4});
  graph.data().value(view.id()).base = base.id();
  graph.data().value(view.id()).offset = 3;
  const MemoryPlan plan = plan_memory(graph.data(), {}, {});
  EXPECT_EQ(offset_of(plan, before), 0);
  EXPECT_EQ(offset_of(plan, view), offset_of(plan, base) + 12);
  EXPECT_EQ(plan.persistent_bytes, 128);
}

TEST(MemoryPlan, AChainTakesTurnsInTwoPlaces) {
  Chain c;
  Value v = c.x;
  for (int i = 0; i < 6; ++i) v = block({v}, {.bytes = {100}})[0];
  const Schedule schedule = serial_schedule(c.graph.data());
  const MemoryPlan plan = plan_memory(c.graph.data(), schedule, {});
  EXPECT_EQ(plan.transient_lower_bound, 256);
  EXPECT_EQ(plan.transient_bytes, 256);
  expect_right(c.graph.data(), schedule, {}, plan);
}

TEST(MemoryPlan, OutputsOfARunAreKeptToItsEnd) {
  Chain c;
  const Value kept = block({c.x}, {.bytes = {64}})[0];
  Value v = c.x;
  for (int i = 0; i < 4; ++i) v = block({v}, {.bytes = {64}})[0];
  const Schedule schedule = serial_schedule(c.graph.data());
  const PlanOptions options{.outputs = {kept.id()}};
  const MemoryPlan plan = plan_memory(c.graph.data(), schedule, options);
  expect_right(c.graph.data(), schedule, options, plan);
  EXPECT_EQ(plan.transient_bytes, 192);
  EXPECT_EQ(plan_memory(c.graph.data(), schedule, {}).transient_bytes, 128);
}

TEST(MemoryPlan, WorkspacesAreBesideAllOperands) {
  Chain c;
  const Value v = block({c.x}, {.bytes = {64}, .workspace = 100})[0];
  block({v}, {.bytes = {64}, .workspace = 1});
  const Schedule schedule = serial_schedule(c.graph.data());
  const MemoryPlan plan = plan_memory(c.graph.data(), schedule, {});
  expect_right(c.graph.data(), schedule, {}, plan);
  EXPECT_EQ(plan.workspace_bytes, (std::vector<int64_t>{100, 1}));
  EXPECT_EQ(plan.transient_lower_bound, 192);
  EXPECT_EQ(plan.transient_bytes, 192);
}

TEST(MemoryPlan, EmptyTensorsHaveAPlaceToo) {
  Chain c;
  const Value v = block({c.x}, {.bytes = {0}})[0];
  block({v}, {.bytes = {0, 8}});
  const Schedule schedule = serial_schedule(c.graph.data());
  const MemoryPlan plan = plan_memory(c.graph.data(), schedule, {});
  expect_right(c.graph.data(), schedule, {}, plan);
  EXPECT_NE(offset_of(plan, v), MemoryPlan::kUnplaced);
}

// ---- In place ----

TEST(MemoryPlan, AnOutputTakesItsLastReadInputsPlaceWhereItMay) {
  Chain c;
  const Value v = block({c.x}, {.bytes = {100}})[0];
  const Value w = block({v}, {.bytes = {100}}, InPlace::kMay)[0];
  const Schedule schedule = serial_schedule(c.graph.data());
  const MemoryPlan with = plan_memory(c.graph.data(), schedule, {});
  EXPECT_EQ(offset_of(with, w), offset_of(with, v));
  EXPECT_EQ(with.transient_bytes, 128);
  const PlanOptions apart{.aliasing = false};
  const MemoryPlan without = plan_memory(c.graph.data(), schedule, apart);
  EXPECT_NE(offset_of(without, w), offset_of(without, v));
  EXPECT_EQ(without.transient_bytes, 256);
}

TEST(MemoryPlan, NothingIsTakenThatSomebodyReadsLater) {
  Chain c;
  const Value v = block({c.x}, {.bytes = {100}})[0];
  const Value w = block({v}, {.bytes = {100}}, InPlace::kMay)[0];
  block({v, w}, {.bytes = {1}});
  const MemoryPlan plan = plan_memory(c.graph.data(), serial_schedule(c.graph.data()), {});
  EXPECT_NE(offset_of(plan, w), offset_of(plan, v));
}

TEST(MemoryPlan, NothingIsTakenThatTheSameNodeReadsTwice) {
  Chain c;
  const Value v = block({c.x}, {.bytes = {100}})[0];
  const Value w = block({v, v}, {.bytes = {100}}, InPlace::kMay)[0];
  const MemoryPlan plan = plan_memory(c.graph.data(), serial_schedule(c.graph.data()), {});
  EXPECT_NE(offset_of(plan, w), offset_of(plan, v));
}

TEST(MemoryPlan, NothingIsTakenThatTheHostReads) {
  Chain c;
  const Value v = block({c.x}, {.bytes = {100}})[0];
  const Value w = block({v}, {.bytes = {100}}, InPlace::kMay)[0];
  const MemoryPlan plan =
      plan_memory(c.graph.data(), serial_schedule(c.graph.data()), {.outputs = {v.id()}});
  EXPECT_NE(offset_of(plan, w), offset_of(plan, v));
}

TEST(MemoryPlan, NothingIsTakenThatHasAnotherSizeOrSurvivesTheRun) {
  Chain c;
  const Value v = block({c.x}, {.bytes = {100}})[0];
  const Value smaller = block({v}, {.bytes = {99}}, InPlace::kMay)[0];
  const Value of_input = block({c.x}, {.bytes = {100}}, InPlace::kMay)[0];
  const MemoryPlan plan = plan_memory(c.graph.data(), serial_schedule(c.graph.data()), {});
  EXPECT_NE(offset_of(plan, smaller), offset_of(plan, v));
  EXPECT_NE(offset_of(plan, of_input), MemoryPlan::kUnplaced);
}

TEST(MemoryPlan, AnUpdateLiesWhereItsInputLies) {
  Chain c;
  const Value state = c.graph.state("state", {DType::kU8, {100}});
  const Value in_state = block({state, c.x}, {.bytes = {100}}, InPlace::kMust)[0];
  const Value v = block({c.x}, {.bytes = {100}})[0];
  const Value in_v = block({v}, {.bytes = {100}}, InPlace::kMust)[0];
  const MemoryPlan plan =
      plan_memory(c.graph.data(), serial_schedule(c.graph.data()), {.aliasing = false});
  EXPECT_EQ(offset_of(plan, in_state), MemoryPlan::kUnplaced);  // outside of the transient part
  EXPECT_EQ(offset_of(plan, in_v), offset_of(plan, v));
}

// ---- Streams ----

TEST(MemoryPlan, WhatMayRunAtTheSameTimeSharesNothing) {
  Chain c;
  block({c.x}, {.bytes = {64}, .workspace = 64});
  block({c.x}, {.bytes = {64}, .workspace = 64});
  const Schedule apart = {{.node = 0, .stream = 0}, {.node = 1, .stream = 1}};
  const Schedule waiting = {{.node = 0, .stream = 0}, {.node = 1, .stream = 1, .waits = {0}}};
  EXPECT_EQ(plan_memory(c.graph.data(), apart, {}).transient_bytes, 256);
  EXPECT_EQ(plan_memory(c.graph.data(), waiting, {}).transient_bytes, 128);
}

TEST(MemoryPlan, AReaderOnAnotherStreamKeepsAPlaceFromBeingTaken) {
  Chain c;
  const Value v = block({c.x}, {.bytes = {100}})[0];
  block({v}, {.bytes = {1}});
  const Value w = block({v}, {.bytes = {100}}, InPlace::kMay)[0];
  Schedule schedule = {
      {.node = 0, .stream = 0}, {.node = 1, .stream = 1, .waits = {0}}, {.node = 2, .stream = 0}};
  const MemoryPlan racing = plan_memory(c.graph.data(), schedule, {});
  EXPECT_NE(offset_of(racing, w), offset_of(racing, v));
  expect_right(c.graph.data(), schedule, {}, racing);
  schedule[2].waits = {1};
  const MemoryPlan ordered = plan_memory(c.graph.data(), schedule, {});
  EXPECT_EQ(offset_of(ordered, w), offset_of(ordered, v));
}

// ---- Random graphs ----

class RandomPlan {
 public:
  RandomPlan(uint64_t seed, int streams) : dice_(seed), streams_(streams) {
    pool_ = {graph_.input("x", {DType::kU8, {100}})};
    const int nodes = 5 + dice_.below(60);
    for (int i = 0; i < nodes; ++i) add_node();
    if (!pool_.empty() && dice_.below(2) == 0) options_.outputs = {pool_.back().id()};
  }

  void check(uint64_t seed) {
    const std::string what = "seed " + std::to_string(seed);
    for (const bool aliasing : {false, true}) {
      options_.aliasing = aliasing;
      const MemoryPlan plan = plan_memory(graph_.data(), schedule_, options_);
      expect_right(graph_.data(), schedule_, options_, plan, what);
      if (streams_ > 1 || aliasing || updates_) continue;
      EXPECT_EQ(plan.transient_lower_bound,
                largest_live_set(graph_.data(), schedule_, options_, plan))
          << what;
    }
  }

 private:
  void add_node() {
    std::vector<Value> inputs;
    for (int i = dice_.below(3); i >= 0; --i)
      inputs.push_back(pool_[static_cast<size_t>(dice_.below(static_cast<int>(pool_.size())))]);
    BlockParams params{.bytes = {1 + dice_.below(2000)},
                       .workspace = dice_.below(3) == 0 ? dice_.below(500) : 0};
    const int kind = dice_.below(5);
    InPlace in_place = InPlace::kNo;
    if (kind < 3) params.bytes[0] = inputs[0].type().bytes();
    if (kind == 0 || kind == 1) in_place = InPlace::kMay;
    if (kind == 2 && may_update(inputs)) in_place = InPlace::kMust;
    if (dice_.below(3) == 0) params.bytes.push_back(dice_.below(300));
    const Values outputs = block(inputs, params, in_place);
    const bool update = in_place == InPlace::kMust;
    schedule(inputs, update);
    if (update) pool_.erase(std::find(pool_.begin(), pool_.end(), inputs[0]));
    updates_ = updates_ || update;
    pool_.insert(pool_.end(), outputs.begin(), outputs.end());
  }

  // The value's memory is gone afterwards, so nobody may read it later, nor twice now.
  bool may_update(const std::vector<Value>& inputs) const {
    return pool_.size() > 1 && std::count(inputs.begin(), inputs.end(), inputs[0]) == 1 &&
           graph_.data().value(inputs[0].id()).producer != kNoNode;
  }

  // On a random stream, after those who make the inputs and, for an update, those who read them.
  void schedule(const std::vector<Value>& inputs, bool update) {
    const GraphData& data = graph_.data();
    Step step{.node = data.order.back(), .stream = dice_.below(streams_)};
    for (size_t at = 0; at < schedule_.size(); ++at) {
      const Node& earlier = data.node(schedule_[at].node);
      const auto touches = [&](Value v) {
        const auto in = [&](const std::vector<ValueId>& ids) {
          return std::find(ids.begin(), ids.end(), v.id()) != ids.end();
        };
        return in(earlier.outputs) || (update && v == inputs[0] && in(earlier.inputs));
      };
      if (std::any_of(inputs.begin(), inputs.end(), touches))
        step.waits.push_back(static_cast<int>(at));
    }
    schedule_.push_back(std::move(step));
  }

  Graph graph_;
  Dice dice_;
  int streams_;
  std::vector<Value> pool_;
  Schedule schedule_;
  PlanOptions options_;
  bool updates_ = false;
};

TEST(MemoryPlanRandom, OnOneStream) {
  for (uint64_t seed = 0; seed < 300; ++seed) RandomPlan(seed, 1).check(seed);
}

TEST(MemoryPlanRandom, OnThreeStreams) {
  for (uint64_t seed = 0; seed < 300; ++seed) RandomPlan(seed, 3).check(seed);
}

}  // namespace
}  // namespace weft::test
