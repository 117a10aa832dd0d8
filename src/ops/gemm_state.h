// A matrix product as the state of an operator: prepared once per program, run every step. The
// choice of shapes is each operator's.
#pragma once

#include <utility>
#include <vector>

#include "graph/op_contract.h"
#include "kernels/gemm/gemm.h"
#include "ops/kernel_chooser.h"

namespace weft::ops {

struct GemmState final : graph::KernelState {
  explicit GemmState(kernels::GemmPlan prepared) : plan(std::move(prepared)) {}
  kernels::GemmPlan plan;
};

inline const kernels::GemmPlan& gemm_plan(const graph::KernelCall& call) {
  return static_cast<const GemmState*>(call.state)->plan;
}

// Types of a call's operands, as shape rules see them.
struct OperandTypes {
  explicit OperandTypes(const graph::KernelCall& call) : params(call.params) {
    for (const graph::Tensor& in : call.inputs)
      types.push_back(in.data == nullptr ? nullptr : &in.type);
  }
  graph::TypesCall call() const { return {types, params}; }

  std::vector<const TensorType*> types;
  const graph::Params& params;
};

// 2 m n k, and every operand once.
inline graph::Cost gemm_cost(const kernels::GemmSpec& s) {
  const double m = static_cast<double>(s.m), n = static_cast<double>(s.n),
               k = static_cast<double>(s.k);
  return {.flops = 2 * m * n * k,
          .bytes = static_cast<double>(size_of(s.input)) * (m * k + k * n) +
                   static_cast<double>(size_of(s.output)) * m * n};
}

}  // namespace weft::ops
