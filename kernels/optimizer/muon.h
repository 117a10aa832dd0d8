// Muon on one matrix: momentum made orthogonal by Newton-Schulz iteration (Jordan et al., "Muon",
// 2024), as torch.optim.Muon does it, in fp32 throughout.
//
//   g = gradient * clip               m = momentum m + (1 - momentum) g
//   u = nesterov ? momentum m + (1 - momentum) g : m
//   X = u / max(|u|, eps);  repeat: X = a X + (b G + c G^2) X,  G = X X^T
//   p = p (1 - rate decay) - rate s X
//
// with s = sqrt(max(1, rows / columns)), or 0.2 sqrt(max(rows, columns)) to match AdamW's size of
// update. Where there are more rows than columns, G = X^T X and products are from the right, so
// that G is always the smaller square.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/gemm/gemm.h"
#include "kernels/optimizer/update_scalars.h"

namespace weft::kernels {

struct MuonShape {
  int64_t rows = 0, columns = 0;

  constexpr int64_t elements() const { return rows * columns; }
  constexpr int64_t side() const { return rows < columns ? rows : columns; }
};

struct Muon {
  float* parameters = nullptr;  // [rows, columns], as all matrices here
  const float* gradients = nullptr;
  float* velocity = nullptr;
  BFloat16* copy = nullptr;  // optional: the new parameters, rounded
  UpdateScalars scalars = {};
  double momentum = 0.95, weight_decay = 0.1, eps = 1e-7;
  bool nesterov = true;
  bool match_rms_adamw = false;
  int64_t iterations = 5;
};

// The products of one shape, prepared once.
class MuonPlan {
 public:
  MuonPlan(MuonShape shape, int workers);

  // `workspace`: workspace(shape, workers) bytes, aligned to 64. One caller at a time.
  void execute(const Muon& args, std::byte* workspace, const ParallelFor& parallel) const;
  static int64_t workspace(MuonShape shape, int workers);

 private:
  MuonShape shape_;
  GemmPlan gram_;     // G from X
  GemmPlan square_;   // G G
  GemmPlan product_;  // the next X
};

}  // namespace weft::kernels
