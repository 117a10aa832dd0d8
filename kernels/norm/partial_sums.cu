// Adds up the partial sums of gradients of scales and biases; partial_sums.h says how they lie.
//
// A block has 32 columns, a lane each; its warps take contiguous slices of the tiles, so that
// enough reads are under way, and the first warp adds the slices in order. Time: latency; a few
// hundred tiles of a few KiB come out of the second-level cache.
#include "kernels/norm/partial_sums.h"

#include "kernels/cuda/barrier.h"
#include "kernels/cuda/memory.h"

namespace weft::kernels {
namespace {

using namespace cuda;

constexpr unsigned kSlices = 8;

struct Slices {
  float sums[kSlices][kWarp];
};

WEFT_KERNEL(kSlices* kWarp)
partial_sums_kernel(PartialSums a) {
  Slices& slices = shared_memory<Slices>();
  const int64_t c = int64_t{block_index().x} * kWarp + lane_index();
  const int64_t each = ceil_div(a.tiles, kSlices), begin = each * warp_index();
  const int64_t end = begin + each < a.tiles ? begin + each : a.tiles;
  float sum = 0.0f;
  for (int64_t tile = begin; tile < end && c < a.C; ++tile) {
    sum += load(a.partial_R2C + 2 * tile * a.C + c);
  }
  store(&slices.sums[warp_index()][lane_index()], sum);
  block_barrier();
  if (warp_index() != 0 || c >= a.C) return;
  const bool accumulate = a.accumulate != nullptr && load(a.accumulate) != 0.0f;
  float total = accumulate ? load(a.out_C + c) : 0.0f;
  for (unsigned s = 0; s < kSlices; ++s) total += load(&slices.sums[s][lane_index()]);
  store(a.out_C + c, total);
}

}  // namespace

void add_partial_sums(cuda::Stream stream, const PartialSums& args) {
  if (args.out_C == nullptr) return;
  const Launch how{.grid = {static_cast<unsigned>(ceil_div(args.C, kWarp))},
                   .threads = kSlices * kWarp,
                   .shared_bytes = sizeof(Slices),
                   .name = "norm_partial_sums"};
  launch(stream, how, partial_sums_kernel, args);
}

}  // namespace weft::kernels
