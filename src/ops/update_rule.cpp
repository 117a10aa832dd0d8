#include "ops/update_rule.h"

namespace weft::ops::update {

using namespace graph;

Types infer(const TypesCall& call, const Rule& rule) {
  const auto [op, min_rank, max_rank, needed] = rule;
  const int rank = call.shape(kParameters).rank();
  const TensorType& p = call.type(kParameters);
  const TensorType scalar{DType::kF32, {1}};
  require(p.dtype == DType::kF32 && rank >= min_rank && rank <= max_rank && p.shape.elements() > 0,
          op,
          "parameters must be f32 of rank " + std::to_string(min_rank) +
              (max_rank > min_rank ? " or more" : "") + ", got " + p.to_string());
  require(call.type(kGradients) == p, op,
          "gradients must be like the parameters, " + p.to_string() + ", got " +
              call.type(kGradients).to_string());
  for (const size_t i : {kRate, kStep, kClip, kApply})
    require(call.type(i) == scalar, op, "learning rate, step, clip and apply must be f32[1]");
  const TensorType& state = needed != nullptr ? *needed : p;
  require(needed == nullptr || call.has(kState), op, "the state is missing");
  require(!call.has(kState) || call.type(kState) == state, op,
          "the state must be " + state.to_string() + ", got " +
              (call.has(kState) ? call.type(kState).to_string() : "none"));
  require(!call.has(kCopy) || call.type(kCopy) == TensorType{DType::kBF16, p.shape}, op,
          "the copy must be bf16 of the parameters' shape");
  Types outputs{p, call.has(kState) ? state : scalar};
  if (call.has(kCopy)) outputs.push_back(call.type(kCopy));
  return outputs;
}

Cost cost(const TypesCall& call, double flops_per_element) {
  const double n = static_cast<double>(call.shape(kParameters).elements());
  const int64_t bytes = 12 + (call.has(kState) ? 8 : 0) + (call.has(kCopy) ? 2 : 0);
  return {.flops = flops_per_element * n, .bytes = static_cast<double>(bytes) * n};
}

Sample sample(const SampleCase& c, Params params) {
  const auto scalar = [](double value) { return values({DType::kF32, {1}}, {value}); };
  Sample result{{normal(c.shape), normal(c.shape), scalar(0.01), scalar(3), scalar(c.clip),
                 scalar(c.apply), c.state ? normal(c.shape) : absent()},
                std::move(params)};
  if (c.copy) result.inputs.push_back({.type = {DType::kBF16, c.shape}});
  return result;
}

kernels::UpdateScalars scalars(const KernelCall& call) {
  return {.learning_rate = call.in<float>(kRate),
          .step = call.in<float>(kStep),
          .clip = call.in<float>(kClip),
          .apply = call.in<float>(kApply)};
}

BFloat16* copy(const KernelCall& call) {
  return call.has(kCopy) ? call.out<BFloat16>(2) : nullptr;
}

Updated apply(const OpContract& contract, const UpdateOperands& o, Value state, Params params) {
  const Values out = graph::apply(
      contract,
      {o.parameters, o.gradients, o.learning_rate, o.step, o.clip, o.apply, state, o.copy},
      std::move(params));
  return {out[0], o.copy ? out[2] : Value()};
}

}  // namespace weft::ops::update
