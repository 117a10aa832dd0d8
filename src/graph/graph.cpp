#include "graph/graph.h"

#include <algorithm>
#include <utility>

namespace weft {

std::string_view name_of(ValueKind kind) {
  switch (kind) {
    case ValueKind::kParameter: return "parameter";
    case ValueKind::kState: return "state";
    case ValueKind::kInput: return "input";
    case ValueKind::kConstant: return "constant";
    case ValueKind::kTemporary: return "temporary";
  }
  return "?";
}

const TensorType& Value::type() const {
  WEFT_ASSERT(graph_ != nullptr);
  return graph_->value(id_).type;
}

const std::string& Value::name() const {
  WEFT_ASSERT(graph_ != nullptr);
  return graph_->value(id_).name;
}

namespace {

// Names with '@' in front are those of what training adds to a graph.
std::string users_name(std::string_view name) {
  if (name.empty() || name.front() == '@')
    throw Error("'" + std::string(name) + "' names no value: a name is not empty and does not " +
                "begin with '@'");
  return std::string(name);
}

}  // namespace

Graph::Graph() : data_(std::make_unique<graph::GraphData>()) {}
Graph::~Graph() = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;

Value Graph::parameter(std::string_view name, Shape shape, Initializer initializer) {
  int64_t elements = 0;
  for (const Initializer::Part& part : initializer.parts) elements += part.elements;
  if (!initializer.parts.empty() && elements != shape.elements())
    throw Error("the parts of parameter '" + std::string(name) + "' have " +
                std::to_string(elements) + " elements, its shape " + shape.to_string() + " has " +
                std::to_string(shape.elements()));
  return data_->handle(data_->add_named({.type = {DType::kF32, shape},
                                         .kind = ValueKind::kParameter,
                                         .name = users_name(name),
                                         .initializer = std::move(initializer),
                                         .scope = data_->scope}));
}

Value Graph::input(std::string_view name, TensorType type) {
  return data_->handle(
      data_->add_named({.type = type, .kind = ValueKind::kInput, .name = users_name(name)}));
}

Value Graph::state(std::string_view name, TensorType type) {
  return data_->handle(
      data_->add_named({.type = type, .kind = ValueKind::kState, .name = users_name(name)}));
}

Value Graph::constant(std::string_view name, TensorType type, std::span<const std::byte> bytes) {
  if (static_cast<int64_t>(bytes.size()) != type.bytes())
    throw Error("constant '" + std::string(name) + "' of type " + type.to_string() + " needs " +
                std::to_string(type.bytes()) + " bytes, got " + std::to_string(bytes.size()));
  if (const graph::ValueId known = data_->find(name); known != graph::kNoValue) {
    const graph::ValueInfo& info = data_->value(known);
    if (info.kind == ValueKind::kConstant && info.type == type &&
        std::equal(bytes.begin(), bytes.end(), info.contents.begin(), info.contents.end()))
      return data_->handle(known);
  }
  return data_->handle(data_->add_named({.type = type,
                                         .kind = ValueKind::kConstant,
                                         .name = users_name(name),
                                         .contents = {bytes.begin(), bytes.end()}}));
}

Graph::Scope::Scope(Graph& graph, std::string_view name)
    : data_(graph.data()), outer_(data_.scope) {
  data_.scope = outer_.empty() ? std::string(name) : outer_ + "." + std::string(name);
}

Graph::Scope::~Scope() {
  data_.scope = outer_;
}

}  // namespace weft

namespace weft::graph {

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::kForward: return "forward";
    case Phase::kBackward: return "backward";
    case Phase::kUpdate: return "update";
  }
  return "?";
}

ValueId GraphData::add_named(ValueInfo info) {
  const ValueId id = static_cast<ValueId>(values.size());
  if (!names.emplace(info.name, id).second)
    throw Error("the graph has two values of the name '" + info.name + "'; names are unique");
  values.push_back(std::move(info));
  return id;
}

ValueId GraphData::find(std::string_view name) const {
  const auto it = names.find(name);
  return it == names.end() ? kNoValue : it->second;
}

ValueId GraphData::root(ValueId id) const {
  while (value(id).base != kNoValue) id = value(id).base;
  return id;
}

std::vector<const TensorType*> input_types(const GraphData& graph, const Node& node) {
  std::vector<const TensorType*> types;
  types.reserve(node.inputs.size());
  for (const ValueId id : node.inputs)
    types.push_back(id == kNoValue ? nullptr : &graph.value(id).type);
  return types;
}

BuildContext::BuildContext(GraphData& graph, std::string scope, Phase phase)
    : graph_(graph),
      outer_scope_(std::exchange(graph.scope, std::move(scope))),
      outer_phase_(std::exchange(graph.phase, phase)) {}

BuildContext::~BuildContext() {
  graph_.scope = std::move(outer_scope_);
  graph_.phase = outer_phase_;
}

namespace {

GraphData& graph_of(const OpContract& contract, const std::vector<Value>& inputs) {
  GraphData* graph = nullptr;
  for (const Value& input : inputs) {
    if (!input) continue;
    require(graph == nullptr || graph == &input.graph(), contract.name,
            "its inputs belong to different graphs");
    graph = &input.graph();
  }
  require(graph != nullptr, contract.name, "needs at least one input that is present");
  return *graph;
}

void check_arity(const OpContract& contract, const std::vector<Value>& inputs) {
  const size_t n = inputs.size();
  if (n >= contract.min_inputs && n <= contract.max_inputs &&
      std::all_of(inputs.begin(), inputs.begin() + contract.min_inputs,
                  [](const Value& v) { return static_cast<bool>(v); }))
    return;
  throw Error(std::string(contract.name) + ": needs " + std::to_string(contract.min_inputs) +
              (contract.max_inputs > contract.min_inputs
                   ? " to " + std::to_string(contract.max_inputs)
                   : std::string()) +
              " inputs, got " + std::to_string(n) + " (or a mandatory one was left out)");
}

}  // namespace

Values apply(const OpContract& contract, std::vector<Value> inputs, Params params) {
  while (!inputs.empty() && !inputs.back() && inputs.size() > contract.min_inputs)
    inputs.pop_back();
  check_arity(contract, inputs);
  params.check_ranges(contract.name);
  GraphData& graph = graph_of(contract, inputs);
  Node node{.contract = &contract,
            .params = std::move(params),
            .inputs = {},
            .outputs = {},
            .scope = graph.scope,
            .phase = graph.phase};
  for (const Value& input : inputs) node.inputs.push_back(input.id());
  const auto types = input_types(graph, node);
  const Types outputs = contract.infer({types, node.params});
  const NodeId id = static_cast<NodeId>(graph.nodes.size());
  Values result;
  for (size_t i = 0; i < outputs.size(); ++i) {
    node.outputs.push_back(static_cast<ValueId>(graph.values.size()));
    graph.values.push_back(
        {.type = outputs[i], .producer = id, .output_index = static_cast<int>(i)});
    result.push_back(graph.handle(node.outputs.back()));
  }
  graph.nodes.push_back(std::move(node));
  graph.order.push_back(id);
  return result;
}

}  // namespace weft::graph
