#include "train/step_graph.h"

#include <algorithm>

#include "graph/accumulate.h"
#include "graph/differentiate.h"
#include "graph/fuse.h"
#include "graph/precision.h"
#include "graph/registry.h"
#include "graph/simplify.h"

namespace weft::train {
namespace {

using graph::GraphData;
using graph::kNoValue;
using graph::Phase;
using graph::ValueId;
using graph::ValueInfo;

class StepGraphBuilder {
 public:
  StepGraphBuilder(const GraphData& forward, Value loss, const StepGraphOptions& options)
      : options_(options) {
    if (loss.type() != TensorType{DType::kF32, {1}})
      throw Error("a loss to train on has the type f32[1], got " + loss.type().to_string());
    graph::PrecisionResult result = graph::apply_precision(forward, options.compute);
    step_.data = std::move(result.graph);
    loss_ = step_.data->handle(result.map[static_cast<size_t>(loss.id())]);
    passed("precision");
  }

  StepGraph run() {
    step_.layout = optim::layout_parameters(data(), options_.optimizer.kind);
    if (step_.layout.parameters == 0)
      throw Error("the graph has no parameters, so there is nothing to train");
    make_blocks();
    differentiate();
    passed("differentiate");
    graph::recompute(data(), options_.recompute);
    passed("recompute");
    if (options_.fuse) graph::fuse(data(), {loss_.id()});
    passed("fuse");
    step_.update = optim::build_update(data(), step_.layout, step_.blocks, options_.optimizer);
    finish();
    passed("update");
    return std::move(step_);
  }

 private:
  GraphData& data() { return *step_.data; }
  void passed(std::string_view pass) {
    if (options_.after_pass) options_.after_pass(pass, data());
  }

  Value add(std::string_view name, ValueKind kind, TensorType type) {
    return data().handle(data().add_named({.type = type, .kind = kind, .name = std::string(name)}));
  }

  void make_blocks() {
    const Shape flat{step_.layout.elements};
    step_.blocks.parameters = add(kParameterBlock, ValueKind::kParameter, {DType::kF32, flat});
    step_.blocks.gradients = add(kGradientBlock, ValueKind::kState, {DType::kF32, flat});
    if (options_.compute != DType::kF32)
      step_.blocks.copies = add(kCopyBlock, ValueKind::kState, {options_.compute, flat});
    for (const optim::ParameterPlace& place : step_.layout.places) {
      ValueInfo& info = data().value(place.id);
      info.base = step_.blocks.parameters.id();
      info.offset = place.offset;
      const ValueId copy = data().find(graph::compute_copy_name(info.name));
      if (copy == kNoValue) continue;
      data().value(copy).base = step_.blocks.copies.id();
      data().value(copy).offset = place.offset;
    }
  }

  void differentiate() {
    const TensorType scalar{DType::kF32, {1}};
    step_.accumulate = add("@accumulate", ValueKind::kInput, scalar);
    step_.loss_scale = add("@loss_scale", ValueKind::kInput, scalar);
    step_.loss_sum = add("@loss_sum", ValueKind::kState, scalar);
    std::vector<ValueId> wanted;
    for (size_t i = 0; i < data().values.size(); ++i) {
      const ValueInfo& info = data().values[i];
      const bool trained = info.kind == ValueKind::kParameter || info.master != kNoValue;
      if (trained && static_cast<ValueId>(i) != step_.blocks.parameters.id())
        wanted.push_back(static_cast<ValueId>(i));
    }
    graph::Contributions contributions =
        graph::differentiate(data(), {loss_}, {step_.loss_scale}, wanted);
    std::vector<ValueId> outputs = {loss_.id()};
    graph::subsume_forward(data(), outputs);
    loss_ = data().handle(outputs[0]);
    for (const optim::ParameterPlace& place : step_.layout.places) accumulate(place, contributions);
    const graph::BuildContext context(data(), "loss", Phase::kBackward);
    step_.blocks.loss = graph::roles().accumulate(step_.loss_sum, loss_, step_.accumulate);
  }

  void accumulate(const optim::ParameterPlace& place, graph::Contributions& contributions) {
    const std::string name = data().value(place.id).name;
    std::vector<Value> terms = contributions[place.id];
    const ValueId copy = data().find(graph::compute_copy_name(name));
    if (copy != kNoValue)
      terms.insert(terms.end(), contributions[copy].begin(), contributions[copy].end());
    if (terms.empty())
      throw Error("the parameter '" + name +
                  "' does not reach the loss, so it cannot be trained; use it or leave it out");
    const Value gradient = optim::view(data(), step_.blocks.gradients, place.offset,
                                       name + "@gradient", data().value(place.id).type.shape);
    graph::accumulate_into(data(), terms, gradient, step_.accumulate);
  }

  // Dead nodes go, and the update runs after everything else.
  void finish() {
    graph::drop_dead_nodes(data(), {step_.update.gradient_norm.id(), step_.update.applied.id()});
    std::stable_partition(data().order.begin(), data().order.end(), [&](graph::NodeId id) {
      return data().node(id).phase != Phase::kUpdate;
    });
  }

  const StepGraphOptions& options_;
  StepGraph step_;
  Value loss_;
};

}  // namespace

StepGraph build_step_graph(const GraphData& forward, Value loss, const StepGraphOptions& options) {
  return StepGraphBuilder(forward, loss, options).run();
}

}  // namespace weft::train
