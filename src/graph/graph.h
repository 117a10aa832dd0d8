// The graph's data: values, nodes and their order. Passes read and rewrite it; users see it through
// weft/graph.h. Values and nodes are never removed, so that ids stay valid; `order` lists the nodes
// that run, in order.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "graph/op_contract.h"
#include "weft/graph.h"

namespace weft::graph {

using ValueId = int32_t;
using NodeId = int32_t;
inline constexpr ValueId kNoValue = -1;
inline constexpr NodeId kNoNode = -1;

// When a node runs: forward and backward once per micro-batch, update once per step.
enum class Phase : uint8_t { kForward, kBackward, kUpdate };
std::string_view name_of(Phase phase);

struct ValueInfo {
  TensorType type = {};
  ValueKind kind = ValueKind::kTemporary;
  std::string name;
  NodeId producer = kNoNode;
  int output_index = 0;
  // A part of another value's memory: `base` from element `offset` on.
  ValueId base = kNoValue;
  int64_t offset = 0;
  // The fp32 parameter of which this state is a copy in the compute type.
  ValueId master = kNoValue;
  Initializer initializer = {};
  std::vector<std::byte> contents = {};  // of a constant
  std::string scope = {};                // in which a parameter was made
};

struct Node {
  const OpContract* contract = nullptr;
  Params params;
  std::vector<ValueId> inputs;  // kNoValue: left out
  std::vector<ValueId> outputs;
  std::string scope;
  Phase phase = Phase::kForward;
  NodeId recompute_of = kNoNode;
};

struct GraphData {
  std::deque<ValueInfo> values;  // deques: references stay valid while the graph grows
  std::deque<Node> nodes;
  std::vector<NodeId> order;
  std::map<std::string, ValueId, std::less<>> names;  // of all values that are not temporary
  std::string scope;
  Phase phase = Phase::kForward;

  ValueInfo& value(ValueId id) { return values[static_cast<size_t>(id)]; }
  const ValueInfo& value(ValueId id) const { return values[static_cast<size_t>(id)]; }
  Node& node(NodeId id) { return nodes[static_cast<size_t>(id)]; }
  const Node& node(NodeId id) const { return nodes[static_cast<size_t>(id)]; }
  Value handle(ValueId id) { return id == kNoValue ? Value() : Value(this, id); }

  // Adds a value that no operator makes; its name must be new.
  ValueId add_named(ValueInfo info);
  // kNoValue if there is none of that name.
  ValueId find(std::string_view name) const;
  // The value whose memory `id` is (a part of): itself, or the end of its chain of bases.
  ValueId root(ValueId id) const;
};

// Input types of a node as contracts want them: null where an input was left out.
std::vector<const TensorType*> input_types(const GraphData& graph, const Node& node);

// Sets scope and phase of nodes that are made while it lives.
class BuildContext {
 public:
  BuildContext(GraphData& graph, std::string scope, Phase phase);
  ~BuildContext();
  BuildContext(const BuildContext&) = delete;
  BuildContext& operator=(const BuildContext&) = delete;

 private:
  GraphData& graph_;
  std::string outer_scope_;
  Phase outer_phase_;
};

}  // namespace weft::graph
