// Embedding on a GPU.
//
//   forward   y[n] = table[ids[n]]
//   backward  dtable[v] = sum of dy[n] over the n with ids[n] = v, in the order of n
//
// Forward: a block copies a row. Backward without atomics: a block owns kRows rows of the table and
// looks at all ids, a chunk of them at a time from shared memory; a thread owns columns, so that
// every sum has one order. Reading ids costs V / kRows N comparisons (0.1 G for GPT-2 at 65,536
// tokens); a row that many ids share is added by one block, one after another.
// Time: memory, bytes / 4.3 TB/s on an H200, but for such rows.
#include <cmath>

#include "kernels/cuda/barrier.h"
#include "kernels/elementwise/vectors.h"
#include "kernels/embedding/embedding_cuda.h"

namespace weft::kernels {
namespace {

using namespace cuda;

struct Config {
  static constexpr unsigned kThreads = 128;  // a row of 768 bf16 is 96 vectors
  static constexpr int64_t kRows = 32;       // of the table, a block
  static constexpr int64_t kIds = 1024;      // looked at between two barriers
};

template <class T, int kWidth>
WEFT_KERNEL(Config::kThreads)
forward_kernel(EmbeddingForward<T> a) {
  const int64_t n = block_index().x, id = load(a.ids_N + n);
  const bool known = id >= 0 && id < a.V;
  for (int64_t c = static_cast<int64_t>(thread_index()) * kWidth; c < a.C;
       c += static_cast<int64_t>(thread_count()) * kWidth) {
    Vector<T, kWidth> row;
    for (int k = 0; k < kWidth; ++k) row[k] = from_float<T>(NAN);
    if (known) row = load_vector<kWidth>(a.table_VC + id * a.C + c);
    store_vector(a.y_NC + n * a.C + c, row);
  }
}

template <class T>
WEFT_DEVICE void clear_rows(const EmbeddingBackward<T>& a, int64_t first, int64_t end) {
  for (int64_t v = first; v < end; ++v)
    for (int64_t c = thread_index(); c < a.C; c += thread_count())
      store(a.dtable_VC + v * a.C + c, 0.0f);
}

template <class T>
WEFT_KERNEL(Config::kThreads)
backward_kernel(EmbeddingBackward<T> a) {
  int32_t* ids = shared_array<int32_t>(0);
  const int64_t first = static_cast<int64_t>(block_index().x) * Config::kRows;
  const int64_t end = first + Config::kRows < a.V ? first + Config::kRows : a.V;
  if (a.accumulate == nullptr || load(a.accumulate) == 0.0f) clear_rows(a, first, end);
  for (int64_t start = 0; start < a.N; start += Config::kIds) {
    const int64_t count = a.N - start < Config::kIds ? a.N - start : Config::kIds;
    block_barrier();  // nobody looks at the last chunk any more
    for (int64_t i = thread_index(); i < count; i += thread_count())
      store(ids + i, load(a.ids_N + start + i));
    block_barrier();
    for (int64_t i = 0; i < count; ++i) {
      const int64_t v = load(ids + i);
      if (v < first || v >= end) continue;
      for (int64_t c = thread_index(); c < a.C; c += thread_count()) {
        float* sum = a.dtable_VC + v * a.C + c;
        store(sum, load(sum) + to_float(load(a.dy_NC + (start + i) * a.C + c)));
      }
    }
  }
}

template <class T>
void forward(Stream stream, const EmbeddingForward<T>& args) {
  if (args.N == 0 || args.C == 0) return;
  const Launch rows{.grid = {static_cast<unsigned>(args.N)},
                    .threads = Config::kThreads,
                    .name = "embedding_forward"};
  if (args.C % kVectorOf<T> == 0 && aligned({args.table_VC, args.y_NC}))
    return launch(stream, rows, forward_kernel<T, kVectorOf<T>>, args);
  launch(stream, rows, forward_kernel<T, 1>, args);
}

template <class T>
void backward(Stream stream, const EmbeddingBackward<T>& args) {
  if (args.V == 0 || args.C == 0) return;
  const int64_t blocks = (args.V + Config::kRows - 1) / Config::kRows;
  launch(stream,
         {.grid = {static_cast<unsigned>(blocks)},
          .threads = Config::kThreads,
          .shared_bytes = Config::kIds * sizeof(int32_t),
          .name = "embedding_backward"},
         backward_kernel<T>, args);
}

}  // namespace

void embedding_forward(Stream stream, const EmbeddingForward<float>& args) {
  forward(stream, args);
}
void embedding_forward(Stream stream, const EmbeddingForward<BFloat16>& args) {
  forward(stream, args);
}
void embedding_backward(Stream stream, const EmbeddingBackward<float>& args) {
  backward(stream, args);
}
void embedding_backward(Stream stream, const EmbeddingBackward<BFloat16>& args) {
  backward(stream, args);
}

}  // namespace weft::kernels
