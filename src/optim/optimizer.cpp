#include "optim/optimizer.h"

#include "core/arena.h"
#include "weft/ops/adafactor.h"
#include "weft/ops/adamw.h"
#include "weft/ops/add.h"
#include "weft/ops/gradient_norm.h"
#include "weft/ops/lion.h"
#include "weft/ops/muon.h"
#include "weft/ops/scale.h"
#include "weft/ops/sgd.h"

namespace weft::optim {
namespace {

using graph::GraphData;

class UpdateBuilder {
 public:
  UpdateBuilder(GraphData& graph, const ParameterLayout& layout, const Blocks& blocks,
                const OptimizerOptions& options)
      : graph_(graph), layout_(layout), blocks_(blocks), options_(options) {}

  UpdateGraph run() {
    const graph::BuildContext context(graph_, "update", graph::Phase::kUpdate);
    result_.learning_rate = scalar("@learning_rate");
    result_.step = scalar("@step");
    result_.veto = scalar("@veto");
    // 0 times what is not finite is NaN, which forbids the update as everything but 0 does.
    const Value veto =
        blocks_.loss ? ops::add(result_.veto, ops::scale(blocks_.loss, 0.0)) : result_.veto;
    const ops::GradientNorm norm =
        ops::gradient_norm(blocks_.gradients, veto, {.max_norm = options_.max_grad_norm});
    result_.gradient_norm = norm.norm;
    result_.applied = norm.apply;
    scalars_ = {.learning_rate = result_.learning_rate,
                .step = result_.step,
                .clip = norm.clip,
                .apply = norm.apply};
    if (options_.kind == OptimizerKind::kAdafactor) {
      update_one_by_one();
      return result_;
    }
    if (options_.kind == OptimizerKind::kMuon) update_matrices();
    update_rest();
    return result_;
  }

 private:
  Value scalar(std::string name) {
    return graph_.handle(graph_.add_named(
        {.type = {DType::kF32, {1}}, .kind = ValueKind::kInput, .name = std::move(name)}));
  }

  Value block_of_states(std::string name, int64_t elements) {
    const Value value = graph_.handle(graph_.add_named(
        {.type = {DType::kF32, {elements}}, .kind = ValueKind::kState, .name = std::move(name)}));
    result_.states.push_back(value);
    return value;
  }

  // Laid out like elements [begin, end) of the parameters.
  Value state(std::string name, int64_t begin, int64_t end) {
    const Value value = block_of_states(std::move(name), end - begin);
    for (const ParameterPlace& place : layout_.places) {
      if (place.offset < begin || place.offset >= end) continue;
      result_.places.push_back(
          {value, place.id, place.offset - begin, graph_.value(place.id).type.shape});
    }
    return value;
  }

  Value part(Value block, int64_t offset, const std::string& name, Shape shape) {
    return block ? view(graph_, block, offset, block.name() + "/" + name, shape) : Value();
  }

  ops::UpdateOperands operands(int64_t offset, const std::string& name, Shape shape) {
    ops::UpdateOperands result = scalars_;
    result.parameters = part(blocks_.parameters, offset, name, shape);
    result.gradients = part(blocks_.gradients, offset, name, shape);
    result.copy = part(blocks_.copies, offset, name, shape);
    return result;
  }

  void update_matrices() {
    if (layout_.matrix_end == 0) return;
    const Value velocity = state("@velocity", 0, layout_.matrix_end);
    for (const ParameterPlace& place : layout_.places) {
      if (place.group != Group::kMatrix) continue;
      const graph::ValueInfo& info = graph_.value(place.id);
      const std::string name = "muon." + info.name;
      ops::muon(operands(place.offset, name, info.type.shape),
                part(velocity, place.offset, name, info.type.shape),
                {.momentum = options_.momentum.value_or(ops::MuonParams().momentum),
                 .nesterov = options_.nesterov,
                 .weight_decay = options_.weight_decay,
                 .match_rms_adamw = true});
    }
  }

  // The size of an update is bounded for each parameter.
  void update_one_by_one() {
    int64_t factors = 0;
    std::vector<int64_t> offsets;
    for (const ParameterPlace& place : layout_.places) {
      offsets.push_back(factors);
      factors +=
          align_up(ops::adafactor_factors(graph_.value(place.id).type.shape), kParameterAlignment);
    }
    if (factors == 0) return;
    const Value block = block_of_states("@factors", factors);
    for (size_t i = 0; i < offsets.size(); ++i) {
      const ParameterPlace& place = layout_.places[i];
      const graph::ValueInfo& info = graph_.value(place.id);
      const Shape shape{ops::adafactor_factors(info.type.shape)};
      const std::string name = "adafactor." + info.name;
      result_.places.push_back({block, place.id, offsets[i], shape});
      ops::adafactor(
          operands(place.offset, name, info.type.shape), part(block, offsets[i], name, shape),
          {.weight_decay = place.group == Group::kDecayed ? options_.weight_decay : 0.0});
    }
  }

  // Everything from layout_.matrix_end on, in one launch.
  void update_rest() {
    const int64_t start = layout_.matrix_end, end = layout_.elements, elements = end - start;
    if (elements == 0) return;
    const ops::UpdateOperands rest = operands(start, "rest", {elements});
    const int64_t decayed = layout_.decayed_end - start;
    const double momentum = options_.momentum.value_or(0);
    switch (options_.kind) {
      case OptimizerKind::kAdamW:
      case OptimizerKind::kMuon:
        ops::adamw(rest, state("@moment1", start, end), state("@moment2", start, end),
                   {.beta1 = options_.beta1,
                    .beta2 = options_.beta2,
                    .eps = options_.eps,
                    .weight_decay = options_.weight_decay,
                    .decayed = decayed});
        return;
      case OptimizerKind::kSgd:
        ops::sgd(rest, momentum > 0 ? state("@velocity", start, end) : Value(),
                 {.momentum = momentum,
                  .nesterov = options_.nesterov,
                  .weight_decay = options_.weight_decay,
                  .decayed = decayed});
        return;
      case OptimizerKind::kLion:
        ops::lion(rest, state("@moment1", start, end),
                  {.beta1 = options_.beta1,
                   .beta2 = options_.beta2,
                   .weight_decay = options_.weight_decay,
                   .decayed = decayed});
        return;
      case OptimizerKind::kAdafactor: return;  // update_one_by_one()
    }
  }

  GraphData& graph_;
  const ParameterLayout& layout_;
  const Blocks& blocks_;
  const OptimizerOptions& options_;
  ops::UpdateOperands scalars_;
  UpdateGraph result_;
};

}  // namespace

Value view(GraphData& graph, Value base, int64_t offset, std::string name, Shape shape) {
  WEFT_ASSERT(offset >= 0 && offset + shape.elements() <= base.shape().elements());
  const graph::ValueInfo& info = graph.value(base.id());
  return graph.handle(graph.add_named({.type = {info.type.dtype, shape},
                                       .kind = info.kind,
                                       .name = std::move(name),
                                       .base = base.id(),
                                       .offset = offset}));
}

UpdateGraph build_update(GraphData& graph, const ParameterLayout& layout, const Blocks& blocks,
                         const OptimizerOptions& options) {
  return UpdateBuilder(graph, layout, blocks, options).run();
}

}  // namespace weft::optim
