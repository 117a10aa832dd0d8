// Keys and values of new tokens into the caches, on a GPU: keys[b, slot] = qkv[b, t, H D ...].
//
// A block owns a sequence and a part of the columns, and goes through the tokens in their order: of
// two tokens with one slot the later one stays, because the same thread writes both.
// Time: memory; few bytes. A launch costs more than the copy in generation.
#include "kernels/cache/cache_write_cuda.h"
#include "kernels/cuda/memory.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

using namespace cuda;

constexpr unsigned kThreads = 128;

template <class Element>
WEFT_KERNEL(kThreads)
cache_write_kernel(CacheWrite a) {
  const int64_t row = a.K * a.D, width = (a.H + 2 * a.K) * a.D, b = block_index().y;
  const int64_t i = static_cast<int64_t>(block_index().x) * thread_count() + thread_index();
  if (i >= 2 * row) return;
  auto* cache = static_cast<Element*>(i < row ? a.keys_BSKD : a.values_BSKD);
  for (int64_t t = 0; t < a.T; ++t) {
    const int64_t slot = load(a.slots_BT + b * a.T + t);
    if (slot < 0 || slot >= a.S) continue;
    const auto* from = static_cast<const Element*>(a.qkv_BTW) + (b * a.T + t) * width;
    store(cache + (b * a.S + slot) * row + i % row, load(from + a.H * a.D + i));
  }
}

template <class Element>
void launch_write(Stream stream, const CacheWrite& args) {
  const int64_t columns = 2 * args.K * args.D;
  if (columns * args.B == 0) return;
  launch(stream,
         {.grid = {static_cast<unsigned>(ceil_div(columns, int64_t{kThreads})),
                   static_cast<unsigned>(args.B)},
          .threads = kThreads,
          .name = "cache_write"},
         cache_write_kernel<Element>, args);
}

}  // namespace

void cache_write(Stream stream, const CacheWrite& args) {
  if (args.element_bytes == 2) return launch_write<uint16_t>(stream, args);
  WEFT_ASSERT(args.element_bytes == 4);
  launch_write<uint32_t>(stream, args);
}

}  // namespace weft::kernels
