#include "graph/precision.h"

#include <algorithm>

#include "graph/registry.h"

namespace weft::graph {
namespace {

class PrecisionPass {
 public:
  PrecisionPass(const GraphData& source, DType compute)
      : source_(source), compute_(compute), target_(std::make_unique<GraphData>()) {}

  PrecisionResult run() {
    map_.assign(source_.values.size(), kNoValue);
    for (size_t i = 0; i < source_.values.size(); ++i)
      if (source_.values[i].producer == kNoNode) {
        map_[i] = target_->add_named(source_.values[i]);
        if (const ValueId base = source_.values[i].base; base != kNoValue)
          target_->value(map_[i]).base = map_[static_cast<size_t>(base)];
      }
    for (const NodeId id : source_.order) rebuild(source_.node(id));
    return {std::move(target_), std::move(map_)};
  }

 private:
  static Slot slot(const OpContract& contract, size_t i) {
    if (contract.precision.empty()) return Slot::kFixed;
    return contract.precision[std::min(i, contract.precision.size() - 1)];
  }

  void rebuild(const Node& node) {
    const BuildContext context(*target_, node.scope, node.phase);
    std::vector<Value> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      inputs.push_back(operand(node.inputs[i], slot(*node.contract, i)));
    const Values outputs = apply(*node.contract, std::move(inputs), node.params);
    for (size_t i = 0; i < outputs.size(); ++i)
      map_[static_cast<size_t>(node.outputs[i])] = outputs[i].id();
  }

  Value operand(ValueId old, Slot slot) {
    if (old == kNoValue) return {};
    const ValueId id = map_[static_cast<size_t>(old)];
    const ValueInfo& info = target_->value(id);
    if (slot == Slot::kFixed || !is_floating(info.type.dtype)) return target_->handle(id);
    const DType wanted = slot == Slot::kF32 ? DType::kF32 : compute_;
    if (info.type.dtype == wanted) return target_->handle(id);
    if (info.kind == ValueKind::kParameter) return compute_copy(id);
    if (info.kind == ValueKind::kState && info.master == kNoValue) return retype(id, wanted);
    return cast(id, wanted);
  }

  // Memory that operators of the compute type work on (a cache of keys) has that type itself.
  Value retype(ValueId state, DType dtype) {
    target_->value(state).type.dtype = dtype;
    return target_->handle(state);
  }

  Value compute_copy(ValueId parameter) {
    const ValueInfo& info = target_->value(parameter);
    const std::string name = compute_copy_name(info.name);
    if (const ValueId known = target_->find(name); known != kNoValue) return target_->handle(known);
    return target_->handle(target_->add_named({.type = {compute_, info.type.shape},
                                               .kind = ValueKind::kState,
                                               .name = name,
                                               .master = parameter}));
  }

  Value cast(ValueId id, DType dtype) {
    const auto key = std::make_pair(id, dtype);
    if (const auto known = casts_.find(key); known != casts_.end()) return known->second;
    return casts_[key] = roles().cast(target_->handle(id), dtype);
  }

  const GraphData& source_;
  DType compute_;
  std::unique_ptr<GraphData> target_;
  std::vector<ValueId> map_;
  std::map<std::pair<ValueId, DType>, Value> casts_;
};

}  // namespace

PrecisionResult apply_precision(const GraphData& source, DType compute) {
  WEFT_ASSERT(compute == DType::kF32 || compute == DType::kBF16);
  return PrecisionPass(source, compute).run();
}

std::string compute_copy_name(const std::string& parameter) {
  return parameter + "@compute";
}

}  // namespace weft::graph
