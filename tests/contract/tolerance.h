// The one place where tolerances of kernels come from: the type that an operator computes in and
// the number of terms that it adds up. They are derived, never raised by trial.
#pragma once

#include <cmath>

#include "weft/dtype.h"

namespace weft::test {

// Unit roundoff: half the distance from 1 to the next number.
inline double unit_roundoff(DType dtype) {
  switch (dtype) {
    case DType::kF64: return 0x1p-53;
    case DType::kBF16: return 0x1p-9;
    case DType::kF16: return 0x1p-12;
    default: return 0x1p-24;
  }
}

// How far an element may be from its float64 value, where `largest` is the largest value of its
// tensor. Operands and results that pass through `compute` are rounded a few times on the way (8:
// inputs, one or two intermediates, the result); sums of `terms` numbers are kept in fp32, and
// their rounding errors, being independent, grow with the square root of their number.
inline double tolerance(DType compute, double terms, double largest) {
  const double sum = unit_roundoff(DType::kF32) * 8 * std::sqrt(std::fmax(1.0, terms));
  return largest * (8 * unit_roundoff(compute) + sum) + 1e-30;
}

}  // namespace weft::test
