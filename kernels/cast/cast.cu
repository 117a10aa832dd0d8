// Conversion between f32 and bf16 on a GPU, to nearest, ties to even. A thread converts four
// elements: 16 bytes on the wide side. Time: memory alone; bytes / 4.3 TB/s on an H200.
#include "kernels/cast/cast_cuda.h"
#include "kernels/elementwise/vectors.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

using namespace cuda;

template <class From, class To>
struct Conversion {
  const From* x;
  To* y;
  int64_t n;
};

template <class From, class To, int kWidth>
WEFT_KERNEL(kElementThreads)
cast_kernel(Conversion<From, To> a) {
  const int64_t i = first_element<kWidth>();
  if (i >= a.n) return;
  const Vector<From, kWidth> x = load_some<kWidth>(a.x, i, a.n);
  Vector<To, kWidth> y{};
  for (int k = 0; k < kWidth; ++k) y[k] = from_float<To>(to_float(x[k]));
  store_some(a.y, i, a.n, y);
}

template <class From, class To>
void convert(Stream stream, const Cast& args) {
  const Conversion<From, To> conversion{static_cast<const From*>(args.x), static_cast<To*>(args.y),
                                        args.n};
  with_width<float>({args.x, args.y}, [&](auto width) {
    launch(stream, over_elements(args.n, width(), "cast"), cast_kernel<From, To, width()>,
           conversion);
  });
}

template <class From>
void convert_from(Stream stream, const Cast& args) {
  if (args.to == DType::kBF16) return convert<From, BFloat16>(stream, args);
  WEFT_ASSERT(args.to == DType::kF32);
  convert<From, float>(stream, args);
}

}  // namespace

void cast(Stream stream, const Cast& args) {
  if (args.n == 0) return;
  if (args.from == DType::kBF16) return convert_from<BFloat16>(stream, args);
  WEFT_ASSERT(args.from == DType::kF32);
  convert_from<float>(stream, args);
}

}  // namespace weft::kernels
