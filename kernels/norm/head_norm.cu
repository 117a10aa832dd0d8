// RMSNorm of each query and key head of packed rows [H D | K D | K D] on a GPU, forward and
// backward; values are copied. norm.h has the meaning (Qwen3's q_norm and k_norm).
//
//   forward   y = x rstd scale,  rstd = 1 / sqrt(mean(x^2) + eps)      per head of D elements
//   backward  dx = rstd (g - u mean(g u)),  g = dy scale,  u = x rstd;  dscale = sum dy u
//
// A warp owns a head, a lane every 32nd element of it: no barrier forward. Backward, a block takes
// every tiles-th row and sums the scales' gradients per warp in shared memory, then over its warps
// in order; partial_sums.cu adds the blocks. A head's warp is fixed by its number: the shape alone
// fixes every sum. Time: memory; a read and a write of the row, bytes / 4.3 TB/s on an H200.
#include "kernels/cuda/number.h"
#include "kernels/cuda/warp.h"
#include "kernels/norm/norm_cuda.h"
#include "kernels/norm/partial_sums.h"

namespace weft::kernels {
namespace {

using namespace cuda;

constexpr unsigned kWarps = 4;  // heads under way in a block; 12 on a multiprocessor by registers
constexpr unsigned kThreads = kWarps * kWarp;

WEFT_DEVICE float scale_of(const float* scale, int64_t d) {
  return scale == nullptr ? 1.0f : load(scale + d);
}

template <class T>
WEFT_DEVICE void copy_values(const T* from, T* to, int64_t begin, int64_t end) {
  if (from == to) return;
  for (int64_t i = begin + thread_index(); i < end; i += kThreads) store(to + i, load(from + i));
}

template <class T>
WEFT_KERNEL(kThreads)
head_norm_kernel(HeadNormForward<T> a) {
  const int64_t groups = a.H + a.K, width = (a.H + 2 * a.K) * a.D, n = block_index().x;
  const T* row = a.qkv_NW + n * width;
  T* out = a.out_NW + n * width;
  for (int64_t g = warp_index(); g < groups; g += kWarps) {
    const float* scale = g < a.H ? a.q_scale_D : a.k_scale_D;
    float squares = 0.0f;
    for (int64_t d = lane_index(); d < a.D; d += kWarp) {
      const float x = to_float(load(row + g * a.D + d));
      squares += x * x;
    }
    squares = reduce_lanes(squares, Add{});
    const float rstd = reciprocal_root(squares / static_cast<float>(a.D) + a.eps);
    for (int64_t d = lane_index(); d < a.D; d += kWarp) {
      const float x = to_float(load(row + g * a.D + d));
      store(out + g * a.D + d, from_float<T>(x * rstd * scale_of(scale, d)));
    }
    if (lane_index() == 0) store(a.rstd_NG + n * groups + g, rstd);
  }
  copy_values(row, out, groups * a.D, width);
}

// One head: writes dx, and adds to the warp's sums of dscale.
template <class T>
struct HeadSpan {
  const T* dy;
  const T* x;
  T* dx;
  const float* scale;
  float* dscale;
  int64_t D;
  float rstd;
};
template <class T>
WEFT_DEVICE void differentiate_head(const HeadSpan<T>& h) {
  float gu = 0.0f;
  for (int64_t d = lane_index(); d < h.D; d += kWarp) {
    const float dy = to_float(load(h.dy + d)), u = to_float(load(h.x + d)) * h.rstd;
    gu += dy * scale_of(h.scale, d) * u;
    store(h.dscale + d, load(h.dscale + d) + dy * u);
  }
  const float mean = reduce_lanes(gu, Add{}) / static_cast<float>(h.D);
  for (int64_t d = lane_index(); d < h.D; d += kWarp) {
    const float g = to_float(load(h.dy + d)) * scale_of(h.scale, d);
    const float u = to_float(load(h.x + d)) * h.rstd;
    store(h.dx + d, from_float<T>((g - u * mean) * h.rstd));
  }
}

// Shared memory: [warps, 2, D] sums, of query heads and of key heads.
template <class T>
WEFT_KERNEL(kThreads)
head_norm_backward_kernel(HeadNormBackward<T> a) {
  float* sums = shared_array<float>(0);
  const int64_t groups = a.H + a.K, width = (a.H + 2 * a.K) * a.D, tiles = grid_size().x;
  for (int64_t i = thread_index(); i < 2 * a.D * kWarps; i += kThreads) store(sums + i, 0.0f);
  block_barrier();
  for (int64_t n = block_index().x; n < a.N; n += tiles) {
    const T* dout = a.dout_NW + n * width;
    T* dqkv = a.dqkv_NW + n * width;
    for (int64_t g = warp_index(); g < groups; g += kWarps) {
      const bool query = g < a.H;
      differentiate_head(HeadSpan<T>{dout + g * a.D, a.qkv_NW + n * width + g * a.D, dqkv + g * a.D,
                                     query ? a.q_scale_D : a.k_scale_D,
                                     sums + (2 * int64_t{warp_index()} + (query ? 0 : 1)) * a.D,
                                     a.D, load(a.rstd_NG + n * groups + g)});
    }
    copy_values(dout, dqkv, groups * a.D, width);
  }
  block_barrier();
  for (int64_t i = thread_index(); i < 2 * a.D; i += kThreads) {
    float total = 0.0f;
    for (unsigned w = 0; w < kWarps; ++w) total += load(sums + w * 2 * a.D + i);
    store(a.workspace + block_index().x * 2 * a.D + i, total);
  }
}

template <class T>
void forward(Stream stream, const HeadNormForward<T>& a) {
  if (a.N == 0) return;
  constexpr Design kDesign{.threads = kThreads, .on_sm80 = 12, .on_sm90 = 12};
  launch<head_norm_kernel<T>, kDesign>(stream, {static_cast<unsigned>(a.N)}, "head_norm_forward",
                                       a);
}

template <class T>
void backward(Stream stream, const HeadNormBackward<T>& a) {
  const int64_t tiles = norm_backward_tiles(a.N);
  if (tiles > 0) {
    launch(stream,
           Launch{.grid = {static_cast<unsigned>(tiles)},
                  .threads = kThreads,
                  .shared_bytes = static_cast<size_t>(a.D) * 2 * kWarps * sizeof(float),
                  .name = "head_norm_backward"},
           head_norm_backward_kernel<T>, a);
  }
  add_partial_sums(stream, {a.workspace, a.dq_scale_D, a.accumulate_dq_scale, tiles, a.D});
  add_partial_sums(stream, {a.workspace + a.D, a.dk_scale_D, a.accumulate_dk_scale, tiles, a.D});
}

}  // namespace

void head_norm_forward(cuda::Stream stream, const HeadNormForward<float>& args) {
  forward(stream, args);
}
void head_norm_forward(cuda::Stream stream, const HeadNormForward<BFloat16>& args) {
  forward(stream, args);
}
void head_norm_backward(cuda::Stream stream, const HeadNormBackward<float>& args) {
  backward(stream, args);
}
void head_norm_backward(cuda::Stream stream, const HeadNormBackward<BFloat16>& args) {
  backward(stream, args);
}

}  // namespace weft::kernels
