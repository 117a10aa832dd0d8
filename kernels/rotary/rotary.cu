// Rotary position embedding on a GPU.
//
//   y[i]       = x[i] cos - x[i + R/2] sin
//   y[i + R/2] = x[i + R/2] cos + x[i] sin      for i < R/2 of every query and key head
//
// A block owns a row [H*D | K*D | K*D]; a thread turns pairs, which no other thread reads, so that
// y may be x; what is not turned is copied where it is not. Elements are T, arithmetic float. Time:
// memory; a read and a write of the row, bytes / 4.3 TB/s on an H200; the table stays in L2.
#include <cmath>

#include "kernels/cuda/memory.h"
#include "kernels/cuda/number.h"
#include "kernels/rotary/rotary_cuda.h"

namespace weft::kernels {
namespace {

using namespace cuda;

constexpr unsigned kThreads = 256;  // a row of GPT-2's size has 768 pairs

template <class T>
WEFT_DEVICE void turn(const Rotary<T>& a, const T* x, T* y, int64_t position) {
  const int64_t half = a.R / 2, pairs = (a.H + a.K) * half;
  const bool known = position >= 0 && position < a.P;
  for (int64_t pair = thread_index(); pair < pairs; pair += thread_count()) {
    const int64_t i = pair % half, at = pair / half * a.D + i;
    const float* cosine = a.table_P2R + position * a.R + i;
    const float cos = known ? load(cosine) : NAN, size = known ? load(cosine + half) : NAN;
    const float sin = a.inverse ? -size : size;
    const float low = to_float(load(x + at)), high = to_float(load(x + at + half));
    store(y + at, from_float<T>(low * cos - high * sin));
    store(y + at + half, from_float<T>(high * cos + low * sin));
  }
}

template <class T>
WEFT_KERNEL(kThreads)
rotary_kernel(Rotary<T> a) {
  const int64_t n = block_index().x, width = (a.H + 2 * a.K) * a.D;
  const T* x = a.x_NW + n * width;
  T* y = a.y_NW + n * width;
  turn(a, x, y, load(a.positions_N + n));
  if (x == y) return;
  for (int64_t i = thread_index(); i < width; i += thread_count())
    if (i / a.D >= a.H + a.K || i % a.D >= a.R) store(y + i, load(x + i));
}

template <class T>
void launch_rotary(Stream stream, const Rotary<T>& args) {
  if (args.N == 0) return;
  launch(stream, {.grid = {static_cast<unsigned>(args.N)}, .threads = kThreads, .name = "rotary"},
         rotary_kernel<T>, args);
}

}  // namespace

void rotary(Stream stream, const Rotary<float>& args) {
  launch_rotary(stream, args);
}
void rotary(Stream stream, const Rotary<BFloat16>& args) {
  launch_rotary(stream, args);
}

}  // namespace weft::kernels
