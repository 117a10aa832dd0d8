// Elementwise sums and products on a GPU.
//
//   add         y = a + b              multiply  y = a b
//   scale       y = factor scalar x    accumulate  sum = x, or sum += x where *accumulate is not 0
//
// A thread reads one vector of 16 bytes of each operand and writes one. Elements are T, arithmetic
// is float, rounded once. Time: memory alone; bytes / 4.3 TB/s on an H200.
#include "kernels/elementwise/elementwise_cuda.h"
#include "kernels/elementwise/vectors.h"

namespace weft::kernels {
namespace {

using namespace cuda;

struct Sum {
  WEFT_DEVICE float operator()(float a, float b) const { return a + b; }
};
struct Product {
  WEFT_DEVICE float operator()(float a, float b) const { return a * b; }
};

template <class Op, class T, int kWidth>
WEFT_KERNEL(kElementThreads)
binary_kernel(Binary<T> a) {
  const int64_t i = first_element<kWidth>();
  if (i >= a.n) return;
  Vector<T, kWidth> x = load_some<kWidth>(a.a, i, a.n);
  const Vector<T, kWidth> y = load_some<kWidth>(a.b, i, a.n);
  for (int k = 0; k < kWidth; ++k) x[k] = from_float<T>(Op()(to_float(x[k]), to_float(y[k])));
  store_some(a.y, i, a.n, x);
}

template <class Op, class T>
void binary(Stream stream, const Binary<T>& args, const char* name) {
  if (args.n == 0) return;
  with_width<T>({args.a, args.b, args.y}, [&](auto width) {
    launch(stream, over_elements(args.n, width(), name), binary_kernel<Op, T, width()>, args);
  });
}

template <class T, int kWidth>
WEFT_KERNEL(kElementThreads)
scale_kernel(Scale<T> a) {
  const int64_t i = first_element<kWidth>();
  if (i >= a.n) return;
  const float factor = a.scalar == nullptr ? a.factor : a.factor * load(a.scalar);
  Vector<T, kWidth> x = load_some<kWidth>(a.x, i, a.n);
  for (int k = 0; k < kWidth; ++k) x[k] = from_float<T>(factor * to_float(x[k]));
  store_some(a.y, i, a.n, x);
}

template <class T>
void scale_any(Stream stream, const Scale<T>& args) {
  if (args.n == 0) return;
  with_width<T>({args.x, args.y}, [&](auto width) {
    launch(stream, over_elements(args.n, width(), "scale"), scale_kernel<T, width()>, args);
  });
}

template <class T, int kWidth>
WEFT_KERNEL(kElementThreads)
accumulate_kernel(Accumulate<T> a) {
  const int64_t i = first_element<kWidth>();
  if (i >= a.n) return;
  const bool adds = a.accumulate != nullptr && load(a.accumulate) != 0.0f;
  const Vector<T, kWidth> x = load_some<kWidth>(a.x, i, a.n);
  Vector<float, kWidth> sum{};
  if (adds) sum = load_some<kWidth>(a.sum, i, a.n);
  for (int k = 0; k < kWidth; ++k) sum[k] = adds ? sum[k] + to_float(x[k]) : to_float(x[k]);
  store_some(a.sum, i, a.n, sum);
}

template <class T>
void accumulate_any(Stream stream, const Accumulate<T>& args) {
  if (args.n == 0) return;
  with_width<float>({args.x, args.sum}, [&](auto width) {
    launch(stream, over_elements(args.n, width(), "accumulate"), accumulate_kernel<T, width()>,
           args);
  });
}

}  // namespace

void add(Stream stream, const Binary<float>& args) {
  binary<Sum>(stream, args, "add");
}
void add(Stream stream, const Binary<BFloat16>& args) {
  binary<Sum>(stream, args, "add");
}
void multiply(Stream stream, const Binary<float>& args) {
  binary<Product>(stream, args, "multiply");
}
void multiply(Stream stream, const Binary<BFloat16>& args) {
  binary<Product>(stream, args, "multiply");
}
void scale(Stream stream, const Scale<float>& args) {
  scale_any(stream, args);
}
void scale(Stream stream, const Scale<BFloat16>& args) {
  scale_any(stream, args);
}
void accumulate(Stream stream, const Accumulate<float>& args) {
  accumulate_any(stream, args);
}
void accumulate(Stream stream, const Accumulate<BFloat16>& args) {
  accumulate_any(stream, args);
}

}  // namespace weft::kernels
