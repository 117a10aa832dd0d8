// Dropout on a GPU: y = x / (1 - p) with probability 1 - p, else 0 (NaN where x is not finite).
//
// Of a block of 64 elements, element 16 w + c takes word w of Philox's counter c: a thread makes
// one counter's four words and treats the four elements that they decide about. 16 neighbours read
// neighbouring elements. Time: memory; a read and a write, bytes / 4.3 TB/s on an H200, beside 10
// rounds of Philox for 4 elements, which hide behind it.
#include "kernels/cuda/memory.h"
#include "kernels/cuda/number.h"
#include "kernels/dropout/dropout_cuda.h"

namespace weft::kernels {
namespace {

using namespace cuda;

constexpr unsigned kThreads = 256;
constexpr int64_t kBlock = 64, kCounters = 16;

template <class T>
WEFT_KERNEL(kThreads)
dropout_kernel(DropoutOnDevice<T> a) {
  const int64_t counters = ceil_div(a.E, kBlock) * kCounters;  // of a sample
  const int64_t at = static_cast<int64_t>(block_index().x) * thread_count() + thread_index();
  if (at >= a.B * counters) return;
  const int64_t sample = at / counters, counter = at % counters;
  const PhiloxBlock mixed =
      philox(static_cast<uint64_t>(load(a.rng)), a.place, static_cast<uint64_t>(load(a.rng + 1)));
  const uint64_t key = static_cast<uint64_t>(mixed[1]) << 32 | mixed[0];
  const PhiloxBlock words =
      philox(key, static_cast<uint64_t>(counter), static_cast<uint64_t>(load(a.rng + 2) + sample));
  const float kept = 1.0f / (1.0f - a.p);
  for (int64_t w = 0; w < 4; ++w) {
    const int64_t e = counter / kCounters * kBlock + w * kCounters + counter % kCounters;
    if (e >= a.E) continue;
    const float factor = uniform_from(words[static_cast<size_t>(w)]) >= a.p ? kept : 0.0f;
    store(a.y_BE + sample * a.E + e,
          from_float<T>(to_float(load(a.x_BE + sample * a.E + e)) * factor));
  }
}

template <class T>
void launch_dropout(Stream stream, const DropoutOnDevice<T>& args) {
  const int64_t threads = args.B * ceil_div(args.E, kBlock) * kCounters;
  if (threads == 0) return;
  launch(stream,
         {.grid = {static_cast<unsigned>(ceil_div(threads, int64_t{kThreads}))},
          .threads = kThreads,
          .name = "dropout"},
         dropout_kernel<T>, args);
}

}  // namespace

void dropout(Stream stream, const DropoutOnDevice<float>& args) {
  launch_dropout(stream, args);
}
void dropout(Stream stream, const DropoutOnDevice<BFloat16>& args) {
  launch_dropout(stream, args);
}

}  // namespace weft::kernels
