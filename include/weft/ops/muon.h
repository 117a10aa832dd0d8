// muon: momentum whose matrix is made orthogonal by Newton-Schulz iteration (Jordan et al., "Muon",
// 2024), with decoupled weight decay, as torch.optim.Muon does it.
#pragma once

#include "weft/ops/update.h"

namespace weft::ops {

struct MuonParams {
  double momentum = 0.95;
  bool nesterov = true;
  int64_t iterations = 5;
  double weight_decay = 0.1;
  double eps = 1e-7;
  bool match_rms_adamw = false;  // scale the rate by 0.2 sqrt(max(rows, columns))

  void visit(auto&& v) {
    v("momentum", momentum, {.min = 0, .max = 1});
    v("nesterov", nesterov);
    v("iterations", iterations, {.min = 1, .max = 100});
    v("weight_decay", weight_decay, {.min = 0});
    v("eps", eps, {.min = 0});
    v("match_rms_adamw", match_rms_adamw);
  }
};

// Parameters, gradients, copy and velocity (a state, changed in place) are a matrix [rows, columns]
// or a stack of them, [..., rows, columns], of which each is updated on its own.
Updated muon(const UpdateOperands& operands, Value velocity, const MuonParams& params);

}  // namespace weft::ops
