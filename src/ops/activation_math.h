// Activation functions and their derivatives in double precision, for references.
#pragma once

#include "kernels/activation/activation.h"
#include "weft/ops/activation.h"

namespace weft::ops {

double activate(Activation kind, double x);
double activation_derivative(Activation kind, double x);

// Roughly how many operations one element takes.
inline constexpr double kActivationFlops = 12.0;

kernels::ActivationKind kernel_kind(Activation kind);

}  // namespace weft::ops
