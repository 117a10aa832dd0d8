#include "graph/differentiate.h"

#include <algorithm>
#include <set>

#include "graph/registry.h"

namespace weft::graph {
namespace {

class Differentiator {
 public:
  Differentiator(GraphData& graph, const std::vector<ValueId>& wanted)
      : graph_(graph), wanted_(wanted.begin(), wanted.end()), needs_(graph.values.size(), 0) {
    for (const ValueId id : wanted) needs_[static_cast<size_t>(id)] = 1;
    for (const NodeId id : graph.order) propagate_need(graph.node(id));
  }

  Contributions run(const Values& losses, const Values& seeds) {
    for (size_t i = 0; i < losses.size(); ++i) contribute(losses[i].id(), seeds[i]);
    const std::vector<NodeId> forward = graph_.order;  // backward nodes are appended meanwhile
    for (auto it = forward.rbegin(); it != forward.rend(); ++it) visit(*it);
    Contributions result;
    for (const ValueId id : wanted_)
      if (const auto found = gradients_.find(id); found != gradients_.end()) result.insert(*found);
    return result;
  }

 private:
  bool needs(ValueId id) const { return id != kNoValue && needs_[static_cast<size_t>(id)] != 0; }

  void propagate_need(const Node& node) {
    if (std::none_of(node.inputs.begin(), node.inputs.end(), [&](ValueId v) { return needs(v); }))
      return;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const bool statistic = (node.contract->statistics >> i & 1u) != 0;
      const ValueId output = node.outputs[i];
      if (!statistic && is_floating(graph_.value(output).type.dtype))
        needs_[static_cast<size_t>(output)] = 1;
    }
  }

  void contribute(ValueId id, Value gradient) {
    const TensorType& type = graph_.value(id).type;
    if (gradient.shape() != type.shape)
      throw Error("the gradient of a value of type " + type.to_string() + " has the shape " +
                  gradient.shape().to_string());
    gradients_[id].push_back(gradient);
  }

  // The summed gradient of a temporary in its own type, which is what contracts expect.
  Value gradient_of(ValueId id) {
    const auto found = gradients_.find(id);
    if (found == gradients_.end()) return {};
    const Value sum = sum_of(found->second);
    const DType dtype = graph_.value(id).type.dtype;
    const Value result = sum.dtype() == dtype ? sum : roles().cast(sum, dtype);
    if (wanted_.count(id) == 0) gradients_.erase(found);
    return result;
  }

  void visit(NodeId id) {
    const Node& node = graph_.node(id);
    const auto seeded = [&](ValueId v) { return needs(v) && gradients_.count(v) != 0; };
    if (std::none_of(node.outputs.begin(), node.outputs.end(), seeded)) return;
    if (node.contract->gradient == nullptr)
      throw Error(std::string(node.contract->name) + " at '" + node.scope +
                  "' has no gradient, but a parameter's gradient needs one");
    const BuildContext context(graph_, node.scope, Phase::kBackward);
    Values inputs, outputs, output_gradients;
    std::vector<char> wanted;
    for (const ValueId v : node.inputs) {
      inputs.push_back(graph_.handle(v));
      wanted.push_back(needs(v) ? 1 : 0);
    }
    for (const ValueId v : node.outputs) {
      outputs.push_back(graph_.handle(v));
      output_gradients.push_back(seeded(v) ? gradient_of(v) : Value());
    }
    const size_t first_new = graph_.nodes.size();
    const Values result =
        node.contract->gradient({inputs, outputs, output_gradients, wanted, node.params});
    check_result(node, result, first_new);
    for (size_t i = 0; i < result.size(); ++i)
      if (result[i] && needs(node.inputs[i])) contribute(node.inputs[i], result[i]);
  }

  // One entry per input, one for each that is wanted, and no reading of what was not declared.
  void check_result(const Node& node, const Values& result, size_t first_new) const {
    const std::string where = std::string(node.contract->name) + ": its gradient ";
    if (result.size() != node.inputs.size())
      throw Error(where + "has " + std::to_string(result.size()) + " entries for " +
                  std::to_string(node.inputs.size()) + " inputs");
    for (size_t i = 0; i < result.size(); ++i)
      if (needs(node.inputs[i]) && !result[i])
        throw Error(where + "has no entry for input " + std::to_string(i));
    for (size_t n = first_new; n < graph_.nodes.size(); ++n)
      for (const ValueId read : graph_.nodes[n].inputs) check_saved(node, read, where);
  }

  static void check_saved(const Node& node, ValueId read, const std::string& where) {
    const auto undeclared = [read](const std::vector<ValueId>& ids, uint32_t saved) {
      bool found = false, declared = false;
      for (size_t i = 0; i < ids.size(); ++i) {
        found = found || ids[i] == read;
        declared = declared || (ids[i] == read && (saved >> i & 1u) != 0);
      }
      return found && !declared;
    };
    if (read == kNoValue) return;
    if (undeclared(node.inputs, node.contract->saved_inputs))
      throw Error(where + "reads an input that saved_inputs does not declare");
    if (undeclared(node.outputs, node.contract->saved_outputs))
      throw Error(where + "reads an output that saved_outputs does not declare");
  }

  GraphData& graph_;
  std::set<ValueId> wanted_;
  std::vector<char> needs_;  // by value: does a wanted value reach it?
  Contributions gradients_;
};

}  // namespace

Contributions differentiate(GraphData& graph, const Values& losses, const Values& seeds,
                            const std::vector<ValueId>& wanted) {
  WEFT_ASSERT(losses.size() == seeds.size());
  return Differentiator(graph, wanted).run(losses, seeds);
}

Value sum_of(const std::vector<Value>& contributions) {
  Value sum;
  for (const Value& term : contributions) {
    if (!sum) {
      sum = term;
      continue;
    }
    const bool same = sum.dtype() == term.dtype();
    sum = roles().add(same ? sum : roles().cast(sum, DType::kF32),
                      same ? term : roles().cast(term, DType::kF32));
  }
  return sum;
}

}  // namespace weft::graph
