// What the contracts of optimizers with one state have in common (sgd, lion, muon, adafactor):
// places of operands, shape rule, the reference of an update that is not applied, samples.
#pragma once

#include "graph/op_contract.h"
#include "kernels/optimizer/update_scalars.h"
#include "weft/ops/update.h"

namespace weft::ops::update {

// Outputs: parameters, state, copy (if given). Without a state, output 1 is one zero.
enum Input : size_t { kParameters, kGradients, kRate, kStep, kClip, kApply, kState, kCopy };

inline constexpr graph::Pair kUpdates[] = {{.input = kParameters, .output = 0},
                                           {.input = kState, .output = 1},
                                           {.input = kCopy, .output = 2}};

struct Rule {
  std::string_view op;
  int min_rank = 1, max_rank = 1;     // of the parameters: 1 for blocks, 2 and more for matrices
  const TensorType* state = nullptr;  // what it must be; null: like the parameters, where given
};
graph::Types infer(const graph::TypesCall& call, const Rule& rule);

// element(i) writes element i of outputs 0 and 1; the copy follows. Where the update is not
// applied, everything stays.
template <class Element>
void reference(const graph::ReferenceCall& call, const Element& element) {
  const bool apply = call.in(kApply)[0] != 0.0;
  for (size_t i = 0; i < call.out(0).size(); ++i) {
    call.out(0)[i] = call.in(kParameters)[i];
    if (call.has(kState)) call.out(1)[i] = call.in(kState)[i];
    if (apply) element(i);
    if (call.has(kCopy)) call.out(2)[i] = apply ? call.out(0)[i] : call.in(kCopy)[i];
  }
}

graph::Cost cost(const graph::TypesCall& call, double flops_per_element);

struct SampleCase {
  Shape shape;
  bool state = true, copy = false;
  double clip = 1, apply = 1;
};
graph::Sample sample(const SampleCase& c, graph::Params params);

kernels::UpdateScalars scalars(const graph::KernelCall& call);
BFloat16* copy(const graph::KernelCall& call);

// Applies the contract; `state` may be absent.
Updated apply(const graph::OpContract& contract, const UpdateOperands& operands, Value state,
              graph::Params params);

}  // namespace weft::ops::update
