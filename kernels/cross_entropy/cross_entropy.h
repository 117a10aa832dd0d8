// Cross-entropy of rows of logits with integer labels, and its gradient in the same visit to a row:
//
//   lse  = log sum_k exp(x[k])
//   loss = (1 - e) (lse - x[label]) + e / V sum_k (lse - x[k]) + z lse^2
//   dx   = scale ((1 + 2 z lse) softmax(x) - (1 - e) onehot(label) - e / V)
//
// with e the label smoothing and z the coefficient of the z-loss. Logits are T (float or BFloat16);
// exponentials and their sums over 1,024 columns are float, everything else of a row's loss is
// double. Rows are independent, so that a head can work on a chunk of them at a time.
// Sources: Szegedy et al., 2016 (label smoothing); Chowdhery et al., "PaLM", 2022 (z-loss).
#pragma once

#include <cstdint>

#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::kernels {

template <class T>
struct CrossEntropyRows {
  const T* logits_NS = nullptr;  // rows of S elements, of which the first V are logits
  const int32_t* labels_N = nullptr;
  T* dlogits_NS = nullptr;       // optional; may be logits_NS; columns from V on become 0
  double* loss_N = nullptr;      // optional
  const float* scale = nullptr;  // of dlogits; optional: 1
  int64_t N = 0, V = 0;
  int64_t S = 0;  // 0: V
  float label_smoothing = 0.0f;
  float z_loss = 0.0f;
  int64_t ignore_index = -100;  // rows with this label: loss and gradient 0
};

// A label that is neither in [0, V) nor ignored makes its row's loss and gradient NaN, so that it
// cannot go unnoticed.
void cross_entropy_rows(const CrossEntropyRows<float>& args, const ParallelFor& parallel);
void cross_entropy_rows(const CrossEntropyRows<BFloat16>& args, const ParallelFor& parallel);

// The sum of the rows' losses, in row order.
double sum_of_losses(const double* loss_N, int64_t N);

}  // namespace weft::kernels
