// Adafactor on one matrix or vector (Shazeer and Stern, "Adafactor: adaptive learning rates with
// sublinear memory cost", 2018), as transformers has it with a given learning rate and without a
// first moment.
//
//   g = gradient clip     s = g^2 + eps     rest = step^-decay_rate
//   matrix:  row_r = (1 - rest) row_r + rest mean_c s     column_c = the same of mean_r s
//            v = row_r column_c / mean(row)
//   vector:  v = (1 - rest) v + rest s
//   u = g / sqrt(v)       u = u / max(1, rms(u) / clip_threshold)
//   p = p (1 - rate weight_decay) - rate u
//
// Letters: R rows, C columns, N elements of a vector.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/optimizer/update_scalars.h"
#include "weft/dtype.h"

namespace weft::kernels {

struct AdafactorShape {
  int64_t rows = 0;  // 0: a vector
  int64_t columns = 0;

  constexpr bool is_matrix() const { return rows > 0; }
  constexpr int64_t elements() const { return is_matrix() ? rows * columns : columns; }
  constexpr int64_t factors() const { return is_matrix() ? rows + columns : columns; }
};

struct Adafactor {
  float* parameters = nullptr;  // [R, C] or [N], as gradients and copy
  const float* gradients = nullptr;
  float* factors = nullptr;  // rows [R] and columns [C], or v [N]
  BFloat16* copy = nullptr;  // optional: the new parameters, rounded
  UpdateScalars scalars = {};
  AdafactorShape shape = {};
  double decay_rate = 0.8, eps = 1e-30, clip_threshold = 1.0, weight_decay = 0.0;
  void* workspace = nullptr;  // adafactor_workspace() bytes, aligned to 64
};

int64_t adafactor_workspace(AdafactorShape shape);

void adafactor(const Adafactor& args, const ParallelFor& parallel);

}  // namespace weft::kernels
