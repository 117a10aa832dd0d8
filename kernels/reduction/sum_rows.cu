// The sum over rows of a matrix on a GPU: the gradient of a bias.
//
//   out[c] = sum_n x[n, c], or out[c] += it where *accumulate is not 0
//
// Rows are cut into parts of a number that N alone fixes. A block sums one part of 32 columns: a
// warp reads rows of 32 neighbouring elements, the warps' sums are added in their order; a second
// kernel adds the parts in theirs. Sums are float over N / parts / 8 rows each.
// Time: memory; a read of x, bytes / 4.3 TB/s on an H200.
#include "kernels/cuda/barrier.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/number.h"
#include "kernels/reduction/reduction_cuda.h"

namespace weft::kernels {
namespace {

using namespace cuda;

struct Config {
  static constexpr unsigned kWarps = 8;
  static constexpr unsigned kThreads = kWarps * kWarp;
};

struct WarpSums {
  float sums[Config::kWarps][kWarp];
};

template <class T>
WEFT_KERNEL(Config::kThreads)
part_kernel(SumRows<T> a) {
  WarpSums& shared = shared_memory<WarpSums>();
  const int64_t parts = grid_size().y, part = block_index().y;
  const int64_t rows = ceil_div(a.N, parts), first = part * rows;
  const int64_t end = first + rows < a.N ? first + rows : a.N;
  const int64_t c = static_cast<int64_t>(block_index().x) * kWarp + lane_index();
  float sum = 0.0f;
  for (int64_t n = first + warp_index(); c < a.C && n < end; n += Config::kWarps)
    sum += to_float(load(a.x_NC + n * a.C + c));
  store(&shared.sums[warp_index()][lane_index()], sum);
  block_barrier();
  if (warp_index() != 0 || c >= a.C) return;
  float total = 0.0f;
  for (unsigned w = 0; w < Config::kWarps; ++w) total += load(&shared.sums[w][lane_index()]);
  store(a.workspace + part * a.C + c, total);
}

template <class T>
WEFT_KERNEL(Config::kThreads)
parts_kernel(SumRows<T> a) {
  const int64_t c = static_cast<int64_t>(block_index().x) * thread_count() + thread_index();
  if (c >= a.C) return;
  const bool adds = a.accumulate != nullptr && load(a.accumulate) != 0.0f;
  float sum = adds ? load(a.out_C + c) : 0.0f;
  for (int64_t part = 0; part < sum_rows_parts(a.N); ++part)
    sum += load(a.workspace + part * a.C + c);
  store(a.out_C + c, sum);
}

template <class T>
void launch_sum(Stream stream, const SumRows<T>& args) {
  if (args.C == 0) return;
  const auto blocks = [&](int64_t columns) {
    return static_cast<unsigned>(ceil_div(args.C, columns));
  };
  constexpr Design kDesign{Config::kThreads, sizeof(WarpSums), 8, 8};
  launch<part_kernel<T>, kDesign>(
      stream, {blocks(kWarp), static_cast<unsigned>(sum_rows_parts(args.N))}, "sum_rows", args);
  launch(
      stream,
      {.grid = {blocks(Config::kThreads)}, .threads = Config::kThreads, .name = "sum_rows_parts"},
      parts_kernel<T>, args);
}

}  // namespace

void sum_rows(Stream stream, const SumRows<float>& args) {
  launch_sum(stream, args);
}
void sum_rows(Stream stream, const SumRows<BFloat16>& args) {
  launch_sum(stream, args);
}

}  // namespace weft::kernels
