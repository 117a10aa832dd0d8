// Sums over the last axis and over everything, and their gradient, on a GPU.
//
//   sum_last     y[n] = scale sum_c x[n, c]      a warp a row
//   sum_all      y = scale sum x                 blocks of a number that n alone fixes, then one
//   expand_last  y[n, c] = scale g[n]
//
// Threads sum in float over at most a few hundred elements and are added in double.
// Time: memory; bytes / 4.3 TB/s on an H200.
#include "kernels/cuda/block_sum.h"
#include "kernels/cuda/warp.h"
#include "kernels/elementwise/vectors.h"
#include "kernels/reduction/reduction_cuda.h"

namespace weft::kernels {
namespace {

using namespace cuda;

struct Config {
  static constexpr unsigned kThreads = 256;
  static constexpr int kRun = 64;  // elements that a thread adds in float before double
};

template <class T>
WEFT_KERNEL(Config::kThreads)
sum_last_kernel(SumLast<T> a) {
  const int64_t n = static_cast<int64_t>(block_index().x) * warp_count() + warp_index();
  const bool inside = n < a.N;  // whole warps: the shuffles below have all their lanes
  float sum = 0.0f;
  for (int64_t c = lane_index(); inside && c < a.C; c += kWarp)
    sum += to_float(load(a.x_NC + n * a.C + c));
  sum = reduce_lanes(sum, Add{});
  if (inside && lane_index() == 0) store(a.y_N + n, a.scale * sum);
}

template <class T>
WEFT_KERNEL(Config::kThreads)
sum_part_kernel(SumAll<T> a) {
  const int64_t step = static_cast<int64_t>(grid_size().x) * thread_count();
  double total = 0;
  for (int64_t start = first_element<1>(); start < a.n; start += step * Config::kRun) {
    float run = 0.0f;
    for (int64_t k = 0; k < Config::kRun && start + k * step < a.n; ++k)
      run += to_float(load(a.x + start + k * step));
    total += run;
  }
  total = sum_of_block(total);
  if (thread_index() == 0) store(a.workspace + block_index().x, total);
}

template <class T>
WEFT_KERNEL(Config::kThreads)
sum_parts_kernel(SumAll<T> a) {
  const int64_t parts = sum_all_blocks(a.n);
  double total = 0;
  for (int64_t i = thread_index(); i < parts; i += thread_count()) total += load(a.workspace + i);
  total = sum_of_block(total);
  if (thread_index() == 0) store(a.y, static_cast<float>(total * static_cast<double>(a.scale)));
}

template <class T>
WEFT_KERNEL(Config::kThreads)
expand_kernel(ExpandLast<T> a) {
  const int64_t i = first_element<1>();
  if (i < a.N * a.C) store(a.y_NC + i, from_float<T>(a.scale * load(a.g_N + i / a.C)));
}

template <class T>
void sum_rows_of(Stream stream, const SumLast<T>& args) {
  constexpr int64_t kRows = Config::kThreads / kWarp;
  if (args.N == 0) return;
  launch(stream,
         {.grid = {static_cast<unsigned>((args.N + kRows - 1) / kRows)},
          .threads = Config::kThreads,
          .name = "sum_last"},
         sum_last_kernel<T>, args);
}

template <class T>
void sum_everything(Stream stream, const SumAll<T>& args) {
  Launch one{.threads = Config::kThreads,
             .shared_bytes = Config::kThreads * sizeof(double),
             .name = "sum_all"};
  Launch parts = one;
  parts.grid.x = static_cast<unsigned>(sum_all_blocks(args.n));
  launch(stream, parts, sum_part_kernel<T>, args);
  launch(stream, one, sum_parts_kernel<T>, args);
}

template <class T>
void expand(Stream stream, const ExpandLast<T>& args) {
  if (args.N * args.C == 0) return;
  launch(stream, over_elements(args.N * args.C, 1, "expand_last"), expand_kernel<T>, args);
}

}  // namespace

void sum_last(Stream stream, const SumLast<float>& args) {
  sum_rows_of(stream, args);
}
void sum_last(Stream stream, const SumLast<BFloat16>& args) {
  sum_rows_of(stream, args);
}
void sum_all(Stream stream, const SumAll<float>& args) {
  sum_everything(stream, args);
}
void sum_all(Stream stream, const SumAll<BFloat16>& args) {
  sum_everything(stream, args);
}
void expand_last(Stream stream, const ExpandLast<float>& args) {
  expand(stream, args);
}
void expand_last(Stream stream, const ExpandLast<BFloat16>& args) {
  expand(stream, args);
}

}  // namespace weft::kernels
