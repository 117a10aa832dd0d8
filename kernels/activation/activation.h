// Activation functions element by element, and gated ones on packed rows (SwiGLU, GeGLU), forward
// and backward. Elements are T (float or BFloat16), arithmetic in float.
//
//   gelu       x Phi(x), Phi the normal distribution function (absolute error of Phi below 2e-7)
//   gelu_tanh  x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
//   silu       x / (1 + exp(-x))
//   relu, tanh
//
// Sources: Hendrycks, Gimpel, 2016 (GELU); Shazeer, "GLU variants improve transformer", 2020.
#pragma once

#include <cstdint>

#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::kernels {

enum class ActivationKind : uint8_t { kGelu, kGeluTanh, kSilu, kRelu, kTanh };

template <class T>
struct ActivationForward {
  ActivationKind kind = ActivationKind::kGelu;
  const T* x = nullptr;
  T* y = nullptr;  // may be x
  int64_t n = 0;
};

void activation_forward(const ActivationForward<float>& args, const ParallelFor& parallel);
void activation_forward(const ActivationForward<BFloat16>& args, const ParallelFor& parallel);

// dx = dy f'(x)
template <class T>
struct ActivationBackward {
  ActivationKind kind = ActivationKind::kGelu;
  const T* dy = nullptr;
  const T* x = nullptr;
  T* dx = nullptr;  // may be dy or x
  int64_t n = 0;
};

void activation_backward(const ActivationBackward<float>& args, const ParallelFor& parallel);
void activation_backward(const ActivationBackward<BFloat16>& args, const ParallelFor& parallel);

// y = f(gate) * up, where a row of x is [gate F | up F] (the order of Llama's fused projection).
template <class T>
struct GatedForward {
  ActivationKind kind = ActivationKind::kSilu;
  const T* x_N2F = nullptr;
  T* y_NF = nullptr;
  int64_t N = 0, F = 0;
};

void gated_forward(const GatedForward<float>& args, const ParallelFor& parallel);
void gated_forward(const GatedForward<BFloat16>& args, const ParallelFor& parallel);

// dgate = dy up f'(gate), dup = dy f(gate)
template <class T>
struct GatedBackward {
  ActivationKind kind = ActivationKind::kSilu;
  const T* dy_NF = nullptr;
  const T* x_N2F = nullptr;
  T* dx_N2F = nullptr;  // may be x_N2F
  int64_t N = 0, F = 0;
};

void gated_backward(const GatedBackward<float>& args, const ParallelFor& parallel);
void gated_backward(const GatedBackward<BFloat16>& args, const ParallelFor& parallel);

}  // namespace weft::kernels
