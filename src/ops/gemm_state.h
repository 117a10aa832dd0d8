// A matrix product as the state of an operator: prepared once per program, run every step. The
// choice of shapes is each operator's.
#pragma once

#include <utility>

#include "graph/op_contract.h"
#include "kernels/gemm/gemm.h"

namespace weft::ops {

struct GemmState final : graph::KernelState {
  explicit GemmState(kernels::GemmPlan prepared) : plan(std::move(prepared)) {}
  kernels::GemmPlan plan;
};

inline const kernels::GemmPlan& gemm_plan(const graph::KernelCall& call) {
  return static_cast<const GemmState*>(call.state)->plan;
}

// 2 m n k, and every operand once.
inline graph::Cost gemm_cost(const kernels::GemmSpec& s) {
  const double m = static_cast<double>(s.m), n = static_cast<double>(s.n),
               k = static_cast<double>(s.k);
  return {.flops = 2 * m * n * k,
          .bytes = static_cast<double>(size_of(s.input)) * (m * k + k * n) +
                   static_cast<double>(size_of(s.output)) * m * n};
}

}  // namespace weft::ops
