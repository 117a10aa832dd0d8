// LayerNorm and RMSNorm of N rows of width C, forward and backward, on a GPU.
//
//   forward   rstd = 1 / sqrt(mean((x - mean)^2) + eps),  y = (x - mean) rstd scale + bias
//   backward  u = (x - mean) rstd,  g = dy scale
//             dx = rstd (g - mean(g) - u mean(g u)) + dsum
//             dscale = sum_n dy u,  dbias = sum_n dy
//   RMSNorm: the same with mean = 0 and mean(g) = 0.
//
// A block owns a row. Its threads read it once, in vectors of 16 bytes, and park it in shared
// memory: each thread comes back to what it parked itself, so no barrier guards the row, only the
// sums. Statistics in float, the variance in a second pass over the parked row.
// Time: memory alone. Forward reads and writes each element once (and the sum, with a residual),
// backward reads two and writes one; bytes / 4.3 TB/s on an H200. GPT-2 124M in bf16 with its
// residual, 32,768 rows of 768: 4 x 1,536 bytes a row, 201 MB, 47 us either way. Backward's sums of
// scale and bias pass through shared memory, 24 bytes an element: 248 rows x 768 x 24 at 128 bytes
// a clock are 36,000 clocks of a multiprocessor, 20 us beneath the 47. Source: Ba, Kiros, Hinton,
// 2016; Zhang, Sennrich, 2019. The parked row is llm.c's idea.
#include <algorithm>
#include <string>

#include "kernels/cuda/memory.h"
#include "kernels/cuda/number.h"
#include "kernels/cuda/tensor_map.h"
#include "kernels/cuda/warp.h"
#include "kernels/norm/norm_cuda.h"
#include "kernels/norm/partial_sums.h"

namespace weft::kernels {
namespace {

using namespace cuda;

struct Config {
  // Vectors that a thread has under way at once. 32 warps a multiprocessor with 4 vectors a lane
  // are 64 KiB; latency times bandwidth (700 ns x 4.3 TB/s / 132) is 23 KiB.
  static constexpr int64_t kVectorsPerThread = 4;
  static constexpr int64_t kMostThreads = 512;
};

template <int kWidth, class T>
WEFT_DEVICE Vector<T, kWidth> load_or(const T* p, int64_t at, float otherwise) {
  if (p != nullptr) return load_vector<kWidth>(p + at);
  Vector<T, kWidth> v;
  for (int k = 0; k < kWidth; ++k) v[k] = from_float<T>(otherwise);
  return v;
}

// x, or x + residual rounded to T and written, so that forward and backward see the same numbers.
template <int kWidth, class T>
WEFT_DEVICE Vector<T, kWidth> load_sum(const NormForward<T>& a, int64_t at) {
  Vector<T, kWidth> x = load_vector<kWidth>(a.x_NC + at);
  if (a.residual_NC == nullptr) return x;
  const Vector<T, kWidth> r = load_vector<kWidth>(a.residual_NC + at);
  for (int k = 0; k < kWidth; ++k) x[k] = from_float<T>(to_float(x[k]) + to_float(r[k]));
  store_vector(a.sum_NC + at, x);
  return x;
}

template <class T, int kWidth, bool kCentered>
WEFT_KERNEL(Config::kMostThreads)
norm_forward_kernel(NormForward<T> a) {
  BlockSums& sums = shared_memory<BlockSums>();
  T* parked_C = shared_array<T>(sizeof(BlockSums));
  const int64_t first = int64_t{thread_index()} * kWidth, step = int64_t{thread_count()} * kWidth;
  const int64_t n = block_index().x, row = n * a.C;
  const float width = static_cast<float>(a.C);

  float sum = 0.0f;
  for (int64_t c = first; c < a.C; c += step) {
    const Vector<T, kWidth> x = load_sum<kWidth>(a, row + c);
    store_vector(parked_C + c, x);
    for (int k = 0; k < kWidth; ++k) sum += to_float(x[k]);
  }
  const float mean = kCentered ? block_sum(sum, sums, 0) / width : 0.0f;

  float squares = 0.0f;
  for (int64_t c = first; c < a.C; c += step) {
    const Vector<T, kWidth> x = load_vector<kWidth>(parked_C + c);
    for (int k = 0; k < kWidth; ++k) {
      const float d = to_float(x[k]) - mean;
      squares += d * d;
    }
  }
  const float rstd = reciprocal_root(block_sum(squares, sums, 1) / width + a.eps);

  for (int64_t c = first; c < a.C; c += step) {
    Vector<T, kWidth> x = load_vector<kWidth>(parked_C + c);
    const auto scale = load_or<kWidth>(a.scale_C, c, 1.0f);
    const auto bias = load_or<kWidth>(kCentered ? a.bias_C : nullptr, c, 0.0f);
    for (int k = 0; k < kWidth; ++k) {
      x[k] = from_float<T>((to_float(x[k]) - mean) * rstd * scale[k] + bias[k]);
    }
    store_vector(a.y_NC + row + c, x);
  }
  if (thread_index() != 0) return;
  if (kCentered) store(a.mean_N + n, mean);
  store(a.rstd_N + n, rstd);
}

// What the backward pass keeps of a row, and the sums that a block makes over its rows.
template <class T>
struct Parked {
  float* dscale_C;
  float* dbias_C;
  T* dy_C;
  T* x_C;

  WEFT_DEVICE explicit Parked(int64_t C)
      : dscale_C(shared_array<float>(sizeof(BlockSums))),
        dbias_C(dscale_C + C),
        dy_C(reinterpret_cast<T*>(dbias_C + C)),
        x_C(dy_C + C) {}
  static constexpr size_t bytes(int64_t C) {
    return sizeof(BlockSums) + static_cast<size_t>(C) * 2 * (sizeof(float) + sizeof(T));
  }
};

struct RowSums {
  float g = 0.0f, gu = 0.0f;
};

// Reads and parks the thread's part of row n, and adds it to the gradients of scale and bias.
template <class T, int kWidth, bool kCentered>
WEFT_DEVICE RowSums read_row(const NormBackward<T>& a, const Parked<T>& s, int64_t n) {
  const float mean = kCentered ? load(a.mean_N + n) : 0.0f, rstd = load(a.rstd_N + n);
  RowSums sums;
  for (int64_t c = int64_t{thread_index()} * kWidth; c < a.C;
       c += int64_t{thread_count()} * kWidth) {
    const auto dy = load_vector<kWidth>(a.dy_NC + n * a.C + c);
    const auto x = load_vector<kWidth>(a.x_NC + n * a.C + c);
    const auto scale = load_or<kWidth>(a.scale_C, c, 1.0f);
    auto dscale = load_vector<kWidth>(s.dscale_C + c), dbias = load_vector<kWidth>(s.dbias_C + c);
    store_vector(s.dy_C + c, dy);
    store_vector(s.x_C + c, x);
    for (int k = 0; k < kWidth; ++k) {
      const float u = (to_float(x[k]) - mean) * rstd, g = to_float(dy[k]) * scale[k];
      sums.g += g;
      sums.gu += g * u;
      dscale[k] += to_float(dy[k]) * u;
      dbias[k] += to_float(dy[k]);
    }
    store_vector(s.dscale_C + c, dscale);
    store_vector(s.dbias_C + c, dbias);
  }
  return sums;
}

template <class T, int kWidth, bool kCentered>
WEFT_DEVICE void write_dx(const NormBackward<T>& a, const Parked<T>& s, int64_t n, RowSums means) {
  const float mean = kCentered ? load(a.mean_N + n) : 0.0f, rstd = load(a.rstd_N + n);
  for (int64_t c = int64_t{thread_index()} * kWidth; c < a.C;
       c += int64_t{thread_count()} * kWidth) {
    const auto dy = load_vector<kWidth>(s.dy_C + c), x = load_vector<kWidth>(s.x_C + c);
    const auto scale = load_or<kWidth>(a.scale_C, c, 1.0f);
    auto dx = load_or<kWidth>(a.dsum_NC == nullptr ? nullptr : a.dsum_NC + n * a.C, c, 0.0f);
    for (int k = 0; k < kWidth; ++k) {
      const float u = (to_float(x[k]) - mean) * rstd, g = to_float(dy[k]) * scale[k];
      dx[k] = from_float<T>((g - means.g - u * means.gu) * rstd + to_float(dx[k]));
    }
    store_vector(a.dx_NC + n * a.C + c, dx);
  }
}

// Block `tile` takes rows tile, tile + tiles, ...; its sums become rows 2 tile and 2 tile + 1 of
// the workspace.
template <class T, int kWidth, bool kCentered>
WEFT_KERNEL(Config::kMostThreads)
norm_backward_kernel(NormBackward<T> a) {
  BlockSums& sums = shared_memory<BlockSums>();
  const Parked<T> parked(a.C);
  const int64_t first = int64_t{thread_index()} * kWidth, step = int64_t{thread_count()} * kWidth;
  const int64_t tile = block_index().x, tiles = grid_size().x;
  const float width = static_cast<float>(a.C);

  for (int64_t c = first; c < a.C; c += step) {
    store_vector(parked.dscale_C + c, Vector<float, kWidth>{});
    store_vector(parked.dbias_C + c, Vector<float, kWidth>{});
  }
  for (int64_t n = tile; n < a.N; n += tiles) {
    RowSums means = read_row<T, kWidth, kCentered>(a, parked, n);
    means.g = block_sum(means.g, sums, 0) / width;
    means.gu = block_sum(means.gu, sums, 1) / width;
    if (!kCentered) means.g = 0.0f;
    write_dx<T, kWidth, kCentered>(a, parked, n, means);
  }
  if (a.dscale_C == nullptr && a.dbias_C == nullptr) return;
  float* partial = a.workspace + 2 * tile * a.C;
  for (int64_t c = first; c < a.C; c += step) {
    store_vector(partial + c, load_vector<kWidth>(parked.dscale_C + c));
    store_vector(partial + a.C + c, load_vector<kWidth>(parked.dbias_C + c));
  }
}

unsigned threads_for(int64_t vectors) {
  const int64_t wanted = ceil_div(vectors, Config::kVectorsPerThread);
  return static_cast<unsigned>(
      std::clamp<int64_t>(round_up(wanted, kWarp), kWarp, Config::kMostThreads));
}

size_t checked_shared(size_t bytes, int64_t C, const char* name) {
  check_shared(bytes, {std::string(name) + " on a GPU",
                       "rows of " + std::to_string(C) + " elements", "use narrower rows"});
  return bytes;
}

// Whether all of a launch's rows can be read in vectors; if not, element by element.
template <class T>
bool vectors_fit_all(const NormForward<T>& a) {
  constexpr int kWidth = kVectorOf<T>;
  return vectors_fit<kWidth>(a.x_NC, a.C) && vectors_fit<kWidth>(a.residual_NC, a.C) &&
         vectors_fit<kWidth>(a.sum_NC, a.C) && vectors_fit<kWidth>(a.y_NC, a.C) &&
         vectors_fit<kWidth>(a.scale_C, a.C) && vectors_fit<kWidth>(a.bias_C, a.C);
}
template <class T>
bool vectors_fit_all(const NormBackward<T>& a) {
  constexpr int kWidth = kVectorOf<T>;
  return vectors_fit<kWidth>(a.dy_NC, a.C) && vectors_fit<kWidth>(a.x_NC, a.C) &&
         vectors_fit<kWidth>(a.dsum_NC, a.C) && vectors_fit<kWidth>(a.dx_NC, a.C) &&
         vectors_fit<kWidth>(a.scale_C, a.C) && vectors_fit<kWidth>(a.workspace, a.C);
}

template <bool kCentered, class T>
void norm_forward(Stream stream, const NormForward<T>& a, const char* name) {
  if (a.N == 0 || a.C == 0) return;
  const bool vectors = vectors_fit_all(a);
  const Launch how{.grid = {static_cast<unsigned>(a.N)},
                   .threads = threads_for(vectors ? a.C / kVectorOf<T> : a.C),
                   .shared_bytes = checked_shared(
                       sizeof(BlockSums) + static_cast<size_t>(a.C) * sizeof(T), a.C, name),
                   .name = name};
  constexpr size_t kParked = Config::kMostThreads * Config::kVectorsPerThread * kVectorBytes;
  constexpr Design kDesign{Config::kMostThreads, sizeof(BlockSums) + kParked, 2, 2};
  if (vectors)
    return launch<norm_forward_kernel<T, kVectorOf<T>, kCentered>, kDesign>(stream, how, a);
  launch<norm_forward_kernel<T, 1, kCentered>, kDesign>(stream, how, a);
}

template <bool kCentered, class T>
void norm_backward(Stream stream, const NormBackward<T>& a, const char* name) {
  if (a.C == 0) return;
  const int64_t tiles = norm_backward_tiles(a.N);
  if (tiles > 0) {
    const bool vectors = vectors_fit_all(a);
    const Launch how{.grid = {static_cast<unsigned>(tiles)},
                     .threads = threads_for(vectors ? a.C / kVectorOf<T> : a.C),
                     .shared_bytes = checked_shared(Parked<T>::bytes(a.C), a.C, name),
                     .name = name};
    launch(stream, how,
           vectors ? norm_backward_kernel<T, kVectorOf<T>, kCentered>
                   : norm_backward_kernel<T, 1, kCentered>,
           a);
  }
  add_partial_sums(stream, {a.workspace, a.dscale_C, a.accumulate_dscale, tiles, a.C});
  if (!kCentered) return;
  add_partial_sums(stream, {a.workspace + a.C, a.dbias_C, a.accumulate_dbias, tiles, a.C});
}

}  // namespace

void layer_norm_forward(cuda::Stream stream, const NormForward<float>& args) {
  norm_forward<true>(stream, args, "layer_norm_forward");
}
void layer_norm_forward(cuda::Stream stream, const NormForward<BFloat16>& args) {
  norm_forward<true>(stream, args, "layer_norm_forward");
}
void rms_norm_forward(cuda::Stream stream, const NormForward<float>& args) {
  norm_forward<false>(stream, args, "rms_norm_forward");
}
void rms_norm_forward(cuda::Stream stream, const NormForward<BFloat16>& args) {
  norm_forward<false>(stream, args, "rms_norm_forward");
}

void layer_norm_backward(cuda::Stream stream, const NormBackward<float>& args) {
  norm_backward<true>(stream, args, "layer_norm_backward");
}
void layer_norm_backward(cuda::Stream stream, const NormBackward<BFloat16>& args) {
  norm_backward<true>(stream, args, "layer_norm_backward");
}
void rms_norm_backward(cuda::Stream stream, const NormBackward<float>& args) {
  norm_backward<false>(stream, args, "rms_norm_backward");
}
void rms_norm_backward(cuda::Stream stream, const NormBackward<BFloat16>& args) {
  norm_backward<false>(stream, args, "rms_norm_backward");
}

}  // namespace weft::kernels
