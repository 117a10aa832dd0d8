// One row of cross-entropy and its gradient in double precision, for references.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "weft/ops/cross_entropy.h"

namespace weft::ops {

// The row's loss. If `gradient` is not empty, it becomes d loss / d logits times `scale`.
inline double cross_entropy_row(std::span<const double> logits, int64_t label,
                                const CrossEntropyParams& params, double scale,
                                std::span<double> gradient) {
  std::fill(gradient.begin(), gradient.end(), 0.0);
  if (label == params.ignore_index) return 0.0;
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0, total = 0;
  for (const double x : logits) {
    sum += std::exp(x - largest);
    total += x;
  }
  const double lse = largest + std::log(sum), count = static_cast<double>(logits.size());
  const double e = params.label_smoothing;
  for (size_t k = 0; k < gradient.size(); ++k) {
    const double target = (static_cast<int64_t>(k) == label ? 1 - e : 0.0) + e / count;
    const double weight = 1 + 2 * params.z_loss * lse;
    gradient[k] = scale * (weight * std::exp(logits[k] - lse) - target);
  }
  return (1 - e) * (lse - logits[static_cast<size_t>(label)]) + e * (lse - total / count) +
         params.z_loss * lse * lse;
}

// Operations per logit of the loss alone.
inline constexpr double kCrossEntropyFlops = 15.0;

}  // namespace weft::ops
