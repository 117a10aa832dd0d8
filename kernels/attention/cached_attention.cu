// Attention of few queries over a cache of keys and values on a GPU, as when text is generated.
//
//   y[t, h] = sum_s p[s] v[s, h K / H],  p = softmax over the keys that query t sees of scale q k
//
// A block takes 128 keys of one key/value head, for all queries that share it (at most 8), so that
// every key and value is read once; a second kernel merges the blocks' sums in the order of the
// keys ("flash decoding", Dao et al., 2023). A warp reads a key at a time, its lanes the columns;
// scores and probabilities pass through shared memory. More queries: attention_forward.
//
// Numerics: everything in float; sums of a block in the order of its warps' keys, then blocks in
// the order of keys, which the shape alone fixes.
//
// Time: memory. A block keeps 4 warps x 32 lanes x up to 16 bytes under way; with 128 keys a
// block, a GPT-2 at 1,024 keys has 96 blocks a sequence: two sequences fill an H200's 132
// multiprocessors.
#include <string>
#include <type_traits>

#include "kernels/attention/attention_cuda.h"
#include "kernels/attention/attention_device.h"
#include "kernels/cuda/warp.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

using namespace attention_cuda;

constexpr int kKeys = static_cast<int>(kCachedKeysCuda);
constexpr int kWarps = 4;
constexpr unsigned kBlock = kWarps * kWarp;

// A block's place: queries of a key/value head are numbered over tokens and heads.
struct Place {
  int64_t b, kv_head, group, rows;

  WEFT_DEVICE explicit Place(const AttentionShape& s)
      : b(block_index().z), kv_head(block_index().y), group(s.H / s.K), rows(s.T * group) {}
  WEFT_DEVICE int64_t token(int64_t row) const { return row / group; }
  WEFT_DEVICE int64_t head(int64_t row) const { return kv_head * group + row % group; }
};

// What a block found for one query: the largest score, the sum of probabilities relative to it,
// and D sums of values.
WEFT_DEVICE float* part_of(void* workspace, const AttentionShape& s, const Place& at, int64_t chunk,
                           int64_t row) {
  const int64_t chunks = ceil_div(s.S, int64_t{kKeys});
  const int64_t part = ((at.b * s.K + at.kv_head) * chunks + chunk) * at.rows + row;
  return static_cast<float*>(workspace) + part * (s.D + 2);
}

template <int kRows, int kD>
struct PartShared {
  float q[kRows][kD];
  float p[kRows][kKeys];  // scores, then probabilities
  float sums[kWarps][kRows][kD];
};

// A lane's columns of a row: kD / 32 that follow one another; zeros past D.
template <int kPer>
struct Columns {
  float at[kPer];
};

template <int kPer, class T>
WEFT_DEVICE Columns<kPer> load_columns(const T* row, int64_t D, bool vectors) {
  constexpr int kWidth = kPer < kVectorOf<T> ? kPer : kVectorOf<T>;
  const int64_t first = lane_index() * kPer;
  Columns<kPer> columns;
  if (vectors && first + kPer <= D) {
    WEFT_UNROLL
    for (int c = 0; c < kPer; c += kWidth) {
      const Vector<T, kWidth> v = load_vector<kWidth>(row + first + c);
      WEFT_UNROLL
      for (int i = 0; i < kWidth; ++i) columns.at[c + i] = to_float(v[i]);
    }
    return columns;
  }
  WEFT_UNROLL
  for (int c = 0; c < kPer; ++c)
    columns.at[c] = first + c < D ? to_float(load(row + first + c)) : 0.0f;
  return columns;
}

template <class T>
WEFT_DEVICE const T* head_row(const HeadRows<const T>& rows, int64_t b, int64_t token, int64_t head,
                              int64_t D) {
  return rows.data + b * rows.batch + token * rows.row + head * D;
}

// Keys that some query of the block sees.
WEFT_DEVICE KeySpan span_of_rows(const AttentionShape& s, const AttentionMask& mask,
                                 const Place& at) {
  KeySpan all;
  for (int64_t t = 0; t < s.T; ++t) all = join(all, visible_keys(s, mask, at.b, t));
  return all;
}

template <class T, int kRows, int kD>
WEFT_DEVICE void copy_queries(const AttentionForward<T>& a, const Place& at,
                              PartShared<kRows, kD>& shared) {
  for (int i = static_cast<int>(thread_index()); i < kRows * kD; i += static_cast<int>(kBlock)) {
    const int row = i / kD, d = i % kD;
    const bool there = row < at.rows && d < a.shape.D;
    const T* q = there ? head_row(a.q, at.b, at.token(row), at.head(row), a.shape.D) : a.q.data;
    store(&shared.q[row][d], there ? to_float(load(q + d)) * a.scale : 0.0f);
  }
}

// The scores of every query and key of the block; those that are not seen are -infinity.
template <class T, int kRows, int kD>
WEFT_DEVICE void score_keys(const AttentionForward<T>& a, const Place& at, KeySpan keys,
                            PartShared<kRows, kD>& shared, bool vectors) {
  constexpr int kPer = kD / static_cast<int>(kWarp);
  const int lane = static_cast<int>(lane_index());
  for (int j = static_cast<int>(warp_index()); j < kKeys; j += kWarps) {
    const int key = static_cast<int>(block_index().x) * kKeys + j;
    if (!keys.has(key)) {  // the same for every lane
      if (lane < kRows) store(&shared.p[lane][j], -INFINITY);
      continue;
    }
    const Columns<kPer> k =
        load_columns<kPer>(head_row(a.k, at.b, key, at.kv_head, a.shape.D), a.shape.D, vectors);
    for (int row = 0; row < kRows; ++row) {
      float sum = 0.0f;
      WEFT_UNROLL
      for (int c = 0; c < kPer; ++c) sum += load(&shared.q[row][lane * kPer + c]) * k.at[c];
      sum = reduce_lanes(sum, Add{});
      if (lane != 0) continue;
      const bool seen =
          row < at.rows && visible_keys(a.shape, a.mask, at.b, at.token(row)).has(key);
      store(&shared.p[row][j], seen ? sum : -INFINITY);
    }
  }
}

// Scores become probabilities relative to the largest; a warp takes a query.
template <int kRows, int kD>
WEFT_DEVICE void exponentiate(PartShared<kRows, kD>& shared, float* first_part, int64_t rows,
                              int64_t D) {
  for (int row = static_cast<int>(warp_index()); row < rows; row += kWarps) {
    float largest = -INFINITY, total = 0.0f;
    for (int j = static_cast<int>(lane_index()); j < kKeys; j += static_cast<int>(kWarp))
      largest = Max{}(largest, load(&shared.p[row][j]));
    largest = reduce_lanes(largest, Max{});
    const float base = largest == -INFINITY ? 0.0f : largest;
    for (int j = static_cast<int>(lane_index()); j < kKeys; j += static_cast<int>(kWarp)) {
      const float p = fast_exp2((load(&shared.p[row][j]) - base) * kLog2E);
      store(&shared.p[row][j], p);
      total += p;
    }
    total = reduce_lanes(total, Add{});
    if (lane_index() != 0) continue;
    store(first_part + row * (D + 2), largest);
    store(first_part + row * (D + 2) + 1, total);
  }
}

// The warp's keys' values times probabilities.
template <class T, int kRows, int kD>
WEFT_DEVICE void add_values(const AttentionForward<T>& a, const Place& at, KeySpan keys,
                            PartShared<kRows, kD>& shared, bool vectors) {
  constexpr int kPer = kD / static_cast<int>(kWarp);
  float sums[kRows][kPer] = {};
  for (int j = static_cast<int>(warp_index()); j < kKeys; j += kWarps) {
    const int key = static_cast<int>(block_index().x) * kKeys + j;
    if (!keys.has(key)) continue;
    const Columns<kPer> v =
        load_columns<kPer>(head_row(a.v, at.b, key, at.kv_head, a.shape.D), a.shape.D, vectors);
    WEFT_UNROLL
    for (int row = 0; row < kRows; ++row) {
      const float p = row < at.rows ? load(&shared.p[row][j]) : 0.0f;
      WEFT_UNROLL
      for (int c = 0; c < kPer; ++c) sums[row][c] += p * v.at[c];
    }
  }
  WEFT_UNROLL
  for (int row = 0; row < kRows; ++row) {
    WEFT_UNROLL
    for (int c = 0; c < kPer; ++c)
      store(&shared.sums[warp_index()][row][static_cast<int>(lane_index()) * kPer + c],
            sums[row][c]);
  }
}

template <class T, int kRows, int kD>
WEFT_KERNEL(kBlock)
part_kernel(CachedAttentionOnDevice<T> w) {
  auto& shared = shared_memory<PartShared<kRows, kD>>();
  const AttentionForward<T>& a = w.args;
  const AttentionShape& s = a.shape;
  const Place at(s);
  const int first = static_cast<int>(block_index().x) * kKeys;
  const KeySpan seen = span_of_rows(s, a.mask, at);
  const KeySpan keys{most(seen.begin, first), least(seen.end, first + kKeys)};
  if (keys.begin >= keys.end) return;  // every thread alike; nobody reads the block's part
  copy_queries(a, at, shared);
  block_barrier();
  score_keys(a, at, keys, shared, w.vectors);
  block_barrier();
  float* part = part_of(w.workspace, s, at, block_index().x, 0);
  exponentiate(shared, part, at.rows, s.D);
  block_barrier();
  add_values(a, at, keys, shared, w.vectors);
  block_barrier();
  for (int64_t i = thread_index(); i < at.rows * s.D; i += kBlock) {
    const int64_t row = i / s.D, d = i % s.D;
    float sum = 0.0f;
    for (int warp = 0; warp < kWarps; ++warp) sum += load(&shared.sums[warp][row][d]);
    store(part + row * (s.D + 2) + 2 + d, sum);
  }
}

// The parts of one query, in the order of the keys; a thread takes columns.
template <class T>
WEFT_KERNEL(kBlock)
merge_kernel(CachedAttentionOnDevice<T> w) {
  const AttentionForward<T>& a = w.args;
  const AttentionShape& s = a.shape;
  const Place at(s);
  const int64_t row = block_index().x, t = at.token(row);
  const KeySpan seen = visible_keys(s, a.mask, at.b, t);
  const int64_t begin = seen.begin / kKeys, end = ceil_div(seen.end, kKeys);
  float largest = -INFINITY, total = 0.0f;
  for (int64_t c = begin; c < end; ++c)
    largest = Max{}(largest, load(part_of(w.workspace, s, at, c, row)));
  for (int64_t c = begin; c < end; ++c) {
    const float* part = part_of(w.workspace, s, at, c, row);
    total += fast_exp2((load(part) - largest) * kLog2E) * load(part + 1);
  }
  T* out = a.out.data + at.b * a.out.batch + t * a.out.row + at.head(row) * s.D;
  for (int64_t d = thread_index(); d < s.D; d += kBlock) {
    float sum = 0.0f;
    for (int64_t c = begin; c < end; ++c) {
      const float* part = part_of(w.workspace, s, at, c, row);
      sum += fast_exp2((load(part) - largest) * kLog2E) * load(part + 2 + d);
    }
    store(out + d, from_float<T>(total > 0.0f ? sum / total : 0.0f));
  }
}

template <class T, int kRows, int kD>
void launch_parts(Stream stream, const CachedAttentionOnDevice<T>& call) {
  const AttentionShape& s = call.args.shape;
  Launch how{.grid = {static_cast<unsigned>(ceil_div(s.S, int64_t{kKeys})),
                      static_cast<unsigned>(s.K), static_cast<unsigned>(s.B)},
             .threads = kBlock,
             .shared_bytes = sizeof(PartShared<kRows, kD>),
             .name = "cached_attention_parts"};
  launch(stream, how, part_kernel<T, kRows, kD>, call);
  how.grid.x = static_cast<unsigned>(s.T * (s.H / s.K));
  how.shared_bytes = 0;
  how.name = "cached_attention_merge";
  launch(stream, how, merge_kernel<T>, call);
}

template <class T, int kRows>
void launch_rows(Stream stream, const CachedAttentionOnDevice<T>& call) {
  const int64_t D = call.args.shape.D;
  if (D <= 64) return launch_parts<T, kRows, 64>(stream, call);
  if (D <= 128) return launch_parts<T, kRows, 128>(stream, call);
  launch_parts<T, kRows, 256>(stream, call);
}

// Whether a lane's columns of every key and value begin where a vector may.
template <class T>
bool vectors_everywhere(const AttentionForward<T>& a) {
  const auto fits = [&a](const HeadRows<const T>& rows) {
    constexpr int kWidth = kVectorOf<T>;
    return vectors_fit<kWidth>(rows.data, rows.row) && rows.batch % kWidth == 0 &&
           a.shape.D % kWidth == 0;
  };
  return fits(a.k) && fits(a.v);
}

template <class T>
void attend_cache(Stream stream, const CachedAttentionOnDevice<T>& call) {
  const AttentionShape& s = call.args.shape;
  if (s.B == 0 || s.T == 0) return;
  if (!has_few_queries_cuda(s)) return attention_forward(stream, {.args = call.args});
  if (s.D > kMostHeadWidthCuda)
    throw Error("attention on a GPU: heads are " + std::to_string(s.D) + " wide, at most " +
                std::to_string(kMostHeadWidthCuda) + " are supported; use more heads");
  CachedAttentionOnDevice<T> w = call;
  w.vectors = vectors_everywhere(call.args);
  const int64_t rows = s.T * (s.H / s.K);
  if (rows == 1) return launch_rows<T, 1>(stream, w);
  if (rows <= 4) return launch_rows<T, 4>(stream, w);
  launch_rows<T, static_cast<int>(kFewQueries)>(stream, w);
}

}  // namespace

void cached_attention(cuda::Stream stream, const CachedAttentionOnDevice<float>& call) {
  attend_cache(stream, call);
}
void cached_attention(cuda::Stream stream, const CachedAttentionOnDevice<BFloat16>& call) {
  attend_cache(stream, call);
}

}  // namespace weft::kernels
