// Activation functions on a GPU, alone and gated, forward and backward.
//
//   forward  y = f(x)                      backward  dx = dy f'(x)
//   gated    y = f(gate) up, a row of x is [gate F | up F]
//            dgate = dy up f'(gate), dup = dy f(gate)
//
// A thread treats one vector of 16 bytes; functions in float, with the accurate exp, erfc and tanh.
// The kind is the same for all threads, so its switch costs one uniform branch.
// Time: memory alone; bytes / 4.3 TB/s on an H200.
#include "kernels/activation/activation_cuda.h"
#include "kernels/activation/activation_functions.h"
#include "kernels/elementwise/vectors.h"

namespace weft::kernels {
namespace {

using namespace cuda;

template <class T, int kWidth>
WEFT_KERNEL(kElementThreads)
forward_kernel(ActivationForward<T> a) {
  const int64_t i = first_element<kWidth>();
  if (i >= a.n) return;
  Vector<T, kWidth> x = load_some<kWidth>(a.x, i, a.n);
  for (int k = 0; k < kWidth; ++k) x[k] = from_float<T>(activate(a.kind, to_float(x[k])).value);
  store_some(a.y, i, a.n, x);
}

template <class T, int kWidth>
WEFT_KERNEL(kElementThreads)
backward_kernel(ActivationBackward<T> a) {
  const int64_t i = first_element<kWidth>();
  if (i >= a.n) return;
  const Vector<T, kWidth> dy = load_some<kWidth>(a.dy, i, a.n);
  Vector<T, kWidth> x = load_some<kWidth>(a.x, i, a.n);
  for (int k = 0; k < kWidth; ++k)
    x[k] = from_float<T>(to_float(dy[k]) * activate(a.kind, to_float(x[k])).slope);
  store_some(a.dx, i, a.n, x);
}

// Element i of y lies in row i / F; a vector never crosses rows, because kWidth divides F or is 1.
template <class T, int kWidth>
WEFT_KERNEL(kElementThreads)
gated_forward_kernel(GatedForward<T> a) {
  const int64_t i = first_element<kWidth>();
  if (i >= a.N * a.F) return;
  const int64_t gate_at = i + i / a.F * a.F;
  Vector<T, kWidth> gate = load_vector<kWidth>(a.x_N2F + gate_at);
  const Vector<T, kWidth> up = load_vector<kWidth>(a.x_N2F + gate_at + a.F);
  for (int k = 0; k < kWidth; ++k)
    gate[k] = from_float<T>(activate(a.kind, to_float(gate[k])).value * to_float(up[k]));
  store_vector(a.y_NF + i, gate);
}

template <class T, int kWidth>
WEFT_KERNEL(kElementThreads)
gated_backward_kernel(GatedBackward<T> a) {
  const int64_t i = first_element<kWidth>();
  if (i >= a.N * a.F) return;
  const int64_t gate_at = i + i / a.F * a.F;
  const Vector<T, kWidth> dy = load_vector<kWidth>(a.dy_NF + i);
  Vector<T, kWidth> gate = load_vector<kWidth>(a.x_N2F + gate_at);
  Vector<T, kWidth> up = load_vector<kWidth>(a.x_N2F + gate_at + a.F);
  for (int k = 0; k < kWidth; ++k) {
    const ValueAndSlope f = activate(a.kind, to_float(gate[k]));
    gate[k] = from_float<T>(to_float(dy[k]) * to_float(up[k]) * f.slope);
    up[k] = from_float<T>(to_float(dy[k]) * f.value);
  }
  store_vector(a.dx_N2F + gate_at, gate);
  store_vector(a.dx_N2F + gate_at + a.F, up);
}

template <class T>
void forward(Stream stream, const ActivationForward<T>& args) {
  if (args.n == 0) return;
  with_width<T>({args.x, args.y}, [&](auto width) {
    launch(stream, over_elements(args.n, width(), "activation_forward"), forward_kernel<T, width()>,
           args);
  });
}

template <class T>
void backward(Stream stream, const ActivationBackward<T>& args) {
  if (args.n == 0) return;
  with_width<T>({args.dy, args.x, args.dx}, [&](auto width) {
    launch(stream, over_elements(args.n, width(), "activation_backward"),
           backward_kernel<T, width()>, args);
  });
}

// Rows begin at multiples of the vector only where it divides F.
template <class T, class Run>
void with_row_width(int64_t F, std::initializer_list<const void*> pointers, const Run& run) {
  if (F % kVectorOf<T> != 0) return run(std::integral_constant<int, 1>());
  with_width<T>(pointers, run);
}

template <class T>
void gated(Stream stream, const GatedForward<T>& args) {
  if (args.N * args.F == 0) return;
  with_row_width<T>(args.F, {args.x_N2F, args.y_NF}, [&](auto width) {
    launch(stream, over_elements(args.N * args.F, width(), "gated_forward"),
           gated_forward_kernel<T, width()>, args);
  });
}

template <class T>
void gated_gradient(Stream stream, const GatedBackward<T>& args) {
  if (args.N * args.F == 0) return;
  with_row_width<T>(args.F, {args.dy_NF, args.x_N2F, args.dx_N2F}, [&](auto width) {
    launch(stream, over_elements(args.N * args.F, width(), "gated_backward"),
           gated_backward_kernel<T, width()>, args);
  });
}

}  // namespace

void activation_forward(Stream stream, const ActivationForward<float>& args) {
  forward(stream, args);
}
void activation_forward(Stream stream, const ActivationForward<BFloat16>& args) {
  forward(stream, args);
}
void activation_backward(Stream stream, const ActivationBackward<float>& args) {
  backward(stream, args);
}
void activation_backward(Stream stream, const ActivationBackward<BFloat16>& args) {
  backward(stream, args);
}
void gated_forward(Stream stream, const GatedForward<float>& args) {
  gated(stream, args);
}
void gated_forward(Stream stream, const GatedForward<BFloat16>& args) {
  gated(stream, args);
}
void gated_backward(Stream stream, const GatedBackward<float>& args) {
  gated_gradient(stream, args);
}
void gated_backward(Stream stream, const GatedBackward<BFloat16>& args) {
  gated_gradient(stream, args);
}

}  // namespace weft::kernels
