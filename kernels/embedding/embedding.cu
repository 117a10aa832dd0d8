// Embedding on a GPU.
//
//   forward   y[n] = table[ids[n]]
//   backward  dtable[v] = sum of dy[n] over the n with ids[n] = v, in the order of n
//
// Forward: a block copies a row. Backward without atomics: a block owns kRows rows of the table and
// some columns, and looks at all ids, a chunk of them at a time. Its warps find those of its rows
// by votes, one warp deals them out by row, each in the order of n; then a thread adds what a row
// has in the chunk to its columns, kInFlight rows of dy under way at a time. Time: memory, bytes
// / 4.3 TB/s on an H200. Looking at ids is V / kRows N / 32 votes a slice of columns: 20 us for
// GPT-2 at 65,536 tokens. A row that all ids share is added by one block for each slice of columns:
// N / kInFlight round trips to memory one after another, 2 ms at 65,536.
#include <cmath>

#include "kernels/cuda/barrier.h"
#include "kernels/cuda/vote.h"
#include "kernels/cuda/warp.h"
#include "kernels/elementwise/vectors.h"
#include "kernels/embedding/embedding_cuda.h"

namespace weft::kernels {
namespace {

using namespace cuda;

struct Config {
  static constexpr unsigned kThreads = 128;  // a row of 768 bf16 is 96 vectors
  static constexpr int kRows = 32;           // of the table, a block: a lane deals out each
  static constexpr int kIds = 1024;          // looked at between two barriers
  static constexpr int kInFlight = 12;       // rows that are read before they are added
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

struct Hits {
  static constexpr int kWarps = Config::kThreads / kWarp;
  int32_t count[kWarps];                           // of each warp's part of the chunk
  int32_t place[Config::kIds], row[Config::kIds];  // in the order of n: which n, which of the rows
  int32_t sorted[Config::kIds];                    // places by row, then by n
  int32_t begin[Config::kRows + 1];                // where each row's are
};

// Of the chunk of `count` ids from `start` on, those in [first, first + kRows), in order. Returns
// how many; ends with a barrier.
template <class T>
WEFT_DEVICE int find_hits(const EmbeddingBackward<T>& a, Hits& hits, int64_t start, int64_t first) {
  constexpr int kRounds = Config::kIds / static_cast<int>(Config::kThreads);
  const int warp = static_cast<int>(warp_index()), lane = static_cast<int>(lane_index());
  int row[kRounds], mine = 0;
  uint32_t found[kRounds];
  WEFT_UNROLL
  for (int r = 0; r < kRounds; ++r) {
    const int64_t n = start + (warp * kRounds + r) * static_cast<int>(kWarp) + lane;
    const int64_t id = n < a.N ? load(a.ids_N + n) : -1;
    row[r] = static_cast<int>(id - first);
    found[r] = ballot(id >= first && id < a.V && row[r] < Config::kRows);
    mine += count_bits(found[r]);
  }
  if (lane == 0) store(&hits.count[warp], mine);
  block_barrier();
  int at = 0, all = 0;
  for (int w = 0; w < Hits::kWarps; ++w) {
    const int count = load(&hits.count[w]);
    if (w < warp) at += count;
    all += count;
  }
  WEFT_UNROLL
  for (int r = 0; r < kRounds; ++r) {
    if ((found[r] >> lane & 1u) != 0) {
      const int to = at + count_bits(found[r] & lanes_below());
      store(&hits.place[to], (warp * kRounds + r) * static_cast<int>(kWarp) + lane);
      store(&hits.row[to], row[r]);
    }
    at += count_bits(found[r]);
  }
  block_barrier();
  return all;
}

// By the first warp, a lane a row: the places of each row, in the order of n.
WEFT_DEVICE void sort_hits(Hits& hits, int all) {
  const int row = static_cast<int>(lane_index());
  int count = 0;
  for (int i = 0; i < all; ++i) count += load(&hits.row[i]) == row ? 1 : 0;
  int to = 0;
  for (unsigned other = 0; other < kWarp; ++other) {
    const int theirs = shuffle(count, other);
    if (other < lane_index()) to += theirs;
  }
  store(&hits.begin[row], to);
  if (row + 1 == Config::kRows) store(&hits.begin[Config::kRows], to + count);
  for (int i = 0; i < all; ++i) {
    if (load(&hits.row[i]) == row) store(&hits.sorted[to++], load(&hits.place[i]));
  }
}

// Of a chunk of ids and a block of rows: where they begin; one of the rows, and a column.
struct RowPlace {
  int64_t start, first, row, column;
};

// What the chunk has for the row's columns.
template <int kWidth, class T>
WEFT_DEVICE void add_hits(const EmbeddingBackward<T>& a, const Hits& hits, RowPlace at) {
  const int begin = load(&hits.begin[at.row]), end = load(&hits.begin[at.row + 1]);
  if (begin == end) return;
  float* const to = a.dtable_VC + (at.first + at.row) * a.C + at.column;
  Vector<float, kWidth> sum = load_vector<kWidth>(to);
  for (int i = begin; i < end; i += Config::kInFlight) {
    Vector<T, kWidth> dy[Config::kInFlight];
    WEFT_UNROLL
    for (int j = 0; j < Config::kInFlight; ++j) {
      if (i + j < end) {
        dy[j] =
            load_vector<kWidth>(a.dy_NC + (at.start + load(&hits.sorted[i + j])) * a.C + at.column);
      }
    }
    WEFT_UNROLL
    for (int j = 0; j < Config::kInFlight; ++j) {
      for (int k = 0; k < kWidth && i + j < end; ++k) sum[k] += to_float(dy[j][k]);
    }
  }
  store_vector(to, sum);
}

template <class T, int kWidth>
WEFT_KERNEL(Config::kThreads)
backward_kernel(EmbeddingBackward<T> a) {
  auto& hits = shared_memory<Hits>();
  const int64_t first = int64_t{block_index().x} * Config::kRows, left = a.V - first;
  const int rows = left < Config::kRows ? static_cast<int>(left) : Config::kRows;
  const int64_t c = (int64_t{block_index().y} * Config::kThreads + thread_index()) * kWidth;
  float* const table = a.dtable_VC + first * a.C + c;
  if (c < a.C && (a.accumulate == nullptr || load(a.accumulate) == 0.0f)) {
    for (int r = 0; r < rows; ++r) store_vector(table + r * a.C, Vector<float, kWidth>{});
  }
  for (int64_t start = 0; start < a.N; start += Config::kIds) {
    const int all = find_hits(a, hits, start, first);
    if (all == 0) continue;  // for every thread alike
    if (warp_index() == 0) sort_hits(hits, all);
    block_barrier();
    for (int r = 0; r < rows && c < a.C; ++r) {
      add_hits<kWidth>(a, hits, {start, first, r, c});
    }
    block_barrier();  // before the hits are those of the next chunk
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

template <class T, int kWidth>
void launch_backward(Stream stream, const EmbeddingBackward<T>& args) {
  constexpr int64_t kColumns = int64_t{Config::kThreads} * kWidth;  // of a block
  launch(stream,
         {.grid = {static_cast<unsigned>(ceil_div(args.V, Config::kRows)),
                   static_cast<unsigned>(ceil_div(args.C, kColumns))},
          .threads = Config::kThreads,
          .shared_bytes = sizeof(Hits),
          .name = "embedding_backward"},
         backward_kernel<T, kWidth>, args);
}

template <class T>
void backward(Stream stream, const EmbeddingBackward<T>& args) {
  if (args.V == 0 || args.C == 0) return;
  if (args.C % 2 == 0 && aligned({args.dy_NC, args.dtable_VC}))
    return launch_backward<T, 2>(stream, args);
  launch_backward<T, 1>(stream, args);
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
