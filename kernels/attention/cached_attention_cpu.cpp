// Attention of few queries over a cache of keys and values: memory bandwidth decides, so that every
// key and value is read once, unpacked, for all queries that share its head. A task takes 256 keys
// ("flash decoding", Dao et al., 2023); a second pass merges the tasks' sums in the order of the
// keys.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/attention/attention.h"
#include "kernels/attention/visible_keys.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/cached_attention_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include <hwy/cache_control.h>

#include "kernels/attention/attention_blocks-inl.h"

#ifndef WEFT_KERNELS_CACHED_ATTENTION_ONCE_
#define WEFT_KERNELS_CACHED_ATTENTION_ONCE_
namespace weft::kernels {

inline constexpr int64_t kCacheChunk = 256;  // keys per task
inline constexpr int64_t kKeysAtOnce = 4;
inline constexpr int64_t kKeysAhead = 16;

// Queries of a key/value head are numbered over tokens and heads: row = t (H / K) + head in group.
struct CachePlan {
  int64_t pairs, group, rows, chunks, ld;
  int64_t part_floats;    // of one task's result: by row the maximum, the total, then D sums
  int64_t worker_floats;  // queries and scores

  explicit CachePlan(const AttentionShape& s)
      : pairs(s.B * s.K),
        group(s.H / s.K),
        rows(s.T * group),
        chunks(ceil_div(s.S, kCacheChunk)),
        ld(round_up(s.D, kPanel)),
        part_floats(rows * (ld + kPanel)),
        worker_floats(rows * (ld + kCacheChunk)) {}
  int64_t floats(int threads) const {
    return pairs * chunks * part_floats + threads * worker_floats;
  }
};

inline bool has_few_queries(const AttentionShape& s) {
  return s.T * (s.H / s.K) <= kFewQueries;
}

}  // namespace weft::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// What one task found for one query: sums relative to the largest score.
struct PartOfRow {
  float* data;
  float& maximum() const { return data[0]; }
  float& total() const { return data[1]; }
  float* sums() const { return data + kPanel; }
};

HWY_INLINE PartOfRow part_of_row(float* part, const CachePlan& plan, int64_t row) {
  return {part + row * (plan.ld + kPanel)};
}

template <class T>
struct CacheTask {
  const AttentionForward<T>& a;
  const CachePlan& plan;
  int64_t b, kv_head;
  KeyRange keys;
  float *q, *scores, *part;

  KeyRange seen(int64_t row) const {
    return visible_keys(a.shape, a.mask, b, row / plan.group).within(keys);
  }
  HeadSpan query(int64_t row) const {
    return {b, kv_head * plan.group + row % plan.group, row / plan.group, 1};
  }
};

// Scores of a query and kKeys keys. Each key's sum has the same order however many there are.
template <int kKeys, class T>
HWY_INLINE void dot_with_keys(const float* q, const Rows<const T>& keys, float* scores) {
  V sums[kKeys];
  HWY_UNROLL(8)
  for (V& sum : sums) sum = zeros();
  for_lanes(keys.D, [&](int64_t i, auto e) WEFT_LANES {
    const V lanes = load(q + i, e);
    HWY_UNROLL(8)
    for (int j = 0; j < kKeys; ++j)
      sums[j] = hn::MulAdd(lanes, load(keys.data + j * keys.stride + i, e), sums[j]);
  });
  HWY_UNROLL(8)
  for (int j = 0; j < kKeys; ++j) scores[j] = sum_of_lanes(sums[j]);
}

template <class T>
HWY_INLINE void prefetch_rows(const Rows<const T>& rows, int64_t begin, int64_t end) {
  constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));
  for (int64_t j = begin; j < std::min(end, rows.count); ++j)
    for (int64_t i = 0; i < rows.D; i += kLine) hwy::Prefetch(rows.data + j * rows.stride + i);
}

// Scores of all rows, a few keys at a time. The keys after them and the values are fetched ahead:
// a head's rows lie far apart, which the hardware does not foresee.
template <class T>
void score_keys(const CacheTask<T>& t, const KeyRange* seen, const KeyRange& any) {
  const HeadSpan span{t.b, t.kv_head, any.begin, any.end - any.begin};
  const Rows<const T> keys = rows_of(t.a.k, t.a.shape.D, span);
  const Rows<const T> values = rows_of(t.a.v, t.a.shape.D, span);
  for (int64_t j = 0; j < keys.count; j += kKeysAtOnce) {
    prefetch_rows(keys, j + kKeysAhead, j + kKeysAhead + kKeysAtOnce);
    prefetch_rows(values, j, j + kKeysAtOnce);
    for (int64_t row = 0; row < t.plan.rows; ++row) {
      const float* q = t.q + row * t.plan.ld;
      float* scores = t.scores + row * kCacheChunk + any.begin - t.keys.begin;
      const int64_t begin = std::max(j, seen[row].begin - any.begin);
      const int64_t end = std::min(j + kKeysAtOnce, seen[row].end - any.begin);
      const auto from = [&](int64_t key) {
        return Rows<const T>{keys.data + key * keys.stride, keys.stride, keys.count - key, keys.D};
      };
      if (end - begin == kKeysAtOnce) {
        dot_with_keys<kKeysAtOnce>(q, from(j), scores + j);
        continue;
      }
      for (int64_t key = begin; key < end; ++key) dot_with_keys<1>(q, from(key), scores + key);
    }
  }
}

// Scores become probabilities, relative to the largest.
HWY_INLINE void exponentiate(const PartOfRow& part, float* scores, int64_t n) {
  V largest = all(-std::numeric_limits<float>::infinity());
  for_lanes(n, [&](int64_t i, auto e) WEFT_LANES {
    largest = hn::Max(largest, keep_or(load(scores + i, e), e, largest));
  });
  part.maximum() = max_of_lanes(largest);
  const V maximum = all(part.maximum());
  part.total() = sum_lanes(n, [&](int64_t i, auto e) WEFT_LANES {
    const V p = exp_of_difference(hn::Sub(load(scores + i, e), maximum));
    store(p, scores + i, e);
    return p;
  });
}

// The sum of values times weights, for kVectors vectors of a head from element `d` on.
template <int kVectors, class T, class Extent>
HWY_INLINE void sum_values(const float* weights, const Rows<const T>& values, int64_t d,
                           Extent extent, float* sums) {
  V total[kVectors];
  HWY_UNROLL(8)
  for (V& sum : total) sum = zeros();
  for (int64_t j = 0; j < values.count; ++j) {
    const V w = all(weights[j]);
    const T* value = values.data + j * values.stride + d;
    HWY_UNROLL(8)
    for (int i = 0; i < kVectors; ++i)
      total[i] = hn::MulAdd(w, load(value + i * kLanes, extent), total[i]);
  }
  HWY_UNROLL(8)
  for (int i = 0; i < kVectors; ++i) store(total[i], sums + d + i * kLanes, extent);
}

template <class T>
void add_values(const CacheTask<T>& t, const KeyRange* seen) {
  const int64_t D = t.a.shape.D;
  for (int64_t row = 0; row < t.plan.rows; ++row) {
    const PartOfRow part = part_of_row(t.part, t.plan, row);
    part.maximum() = -std::numeric_limits<float>::infinity();
    part.total() = 0.0f;
    std::fill(part.sums(), part.sums() + t.plan.ld, 0.0f);
    if (seen[row].empty()) continue;
    const HeadSpan span{t.b, t.kv_head, seen[row].begin, seen[row].end - seen[row].begin};
    float* weights = t.scores + row * kCacheChunk + seen[row].begin - t.keys.begin;
    exponentiate(part, weights, span.count);
    const Rows<const T> values = rows_of(t.a.v, D, span);
    int64_t d = 0;
    for (; d + 4 * kLanes <= D; d += 4 * kLanes)
      sum_values<4>(weights, values, d, Full(), part.sums());
    for (; d + kLanes <= D; d += kLanes) sum_values<1>(weights, values, d, Full(), part.sums());
    if (d < D) sum_values<1>(weights, values, d, Part{D - d}, part.sums());
  }
}

template <class T>
void run_cache_task(const CacheTask<T>& t) {
  KeyRange seen[kFewQueries], any;
  for (int64_t row = 0; row < t.plan.rows; ++row) {
    seen[row] = t.seen(row);
    any = join(any, seen[row]);
    pack_rows(rows_of(t.a.q, t.a.shape.D, t.query(row)), t.a.scale, t.q + row * t.plan.ld,
              t.plan.ld);
  }
  score_keys(t, seen, any);
  add_values(t, seen);
}

// The parts of one query, in the order of the keys; the sums end up in the first part.
template <class T>
void merge_row(const AttentionForward<T>& a, const CachePlan& plan, float* parts, int64_t row,
               const HeadSpan& query) {
  const auto part = [&](int64_t chunk) {
    return part_of_row(parts + chunk * plan.part_floats, plan, row);
  };
  float largest = -std::numeric_limits<float>::infinity(), total = 0.0f;
  for (int64_t c = 0; c < plan.chunks; ++c) largest = std::max(largest, part(c).maximum());
  float* sums = part(0).sums();
  for (int64_t c = 0; c < plan.chunks; ++c) {
    const float shrink = part(c).total() == 0.0f
                             ? 0.0f
                             : hn::GetLane(exp_of_difference(all(part(c).maximum() - largest)));
    total += shrink * part(c).total();
    const V factor = all(shrink);
    for (int64_t i = 0; i < plan.ld; i += kLanes) {
      const V scaled = hn::Mul(load(part(c).sums() + i, Full()), factor);
      store(c == 0 ? scaled : hn::Add(load(sums + i, Full()), scaled), sums + i, Full());
    }
  }
  const bool sees_nothing = visible_keys(a.shape, a.mask, query.b, query.first).empty();
  copy_rows(Rows<const float>{sums, plan.ld, 1, a.shape.D}, sees_nothing ? 0.0f : 1.0f / total,
            rows_of(a.out, a.shape.D, query));
}

template <class T>
void attend_cache(const AttentionForward<T>& a, float* memory, const ParallelFor& parallel) {
  const CachePlan plan(a.shape);
  const AttentionShape& s = a.shape;
  float* workers = memory + plan.pairs * plan.chunks * plan.part_floats;
  const auto task_of = [&](int64_t pair, int64_t chunk, float* scratch) {
    const KeyRange keys{chunk * kCacheChunk, std::min(s.S, (chunk + 1) * kCacheChunk)};
    return CacheTask<T>{a,
                        plan,
                        pair / s.K,
                        pair % s.K,
                        keys,
                        scratch,
                        scratch + plan.rows * plan.ld,
                        memory + (pair * plan.chunks + chunk) * plan.part_floats};
  };
  parallel(plan.pairs * plan.chunks, [&](int64_t task, int worker) HWY_ATTR {
    run_cache_task(
        task_of(task / plan.chunks, task % plan.chunks, workers + worker * plan.worker_floats));
  });
  parallel(plan.pairs, [&](int64_t pair, int) HWY_ATTR {
    const CacheTask<T> task = task_of(pair, 0, workers);
    for (int64_t row = 0; row < plan.rows; ++row) {
      merge_row(a, plan, task.part, row, task.query(row));
    }
  });
}

void attend_cache_f32(const AttentionForward<float>& a, float* memory,
                      const ParallelFor& parallel) {
  attend_cache<float>(a, memory, parallel);
}
void attend_cache_bf16(const AttentionForward<BFloat16>& a, float* memory,
                       const ParallelFor& parallel) {
  attend_cache<BFloat16>(a, memory, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(attend_cache_f32);
HWY_EXPORT(attend_cache_bf16);

size_t cached_attention_workspace(const AttentionShape& shape, int threads) {
  if (!has_few_queries(shape)) return attention_forward_workspace(shape, threads);
  return static_cast<size_t>(CachePlan(shape).floats(threads)) * sizeof(float);
}

void cached_attention(const AttentionForward<float>& args, void* workspace,
                      const ParallelFor& parallel) {
  if (!has_few_queries(args.shape)) return attention_forward(args, workspace, parallel);
  HWY_DYNAMIC_DISPATCH(attend_cache_f32)(args, static_cast<float*>(workspace), parallel);
}
void cached_attention(const AttentionForward<BFloat16>& args, void* workspace,
                      const ParallelFor& parallel) {
  if (!has_few_queries(args.shape)) return attention_forward(args, workspace, parallel);
  HWY_DYNAMIC_DISPATCH(attend_cache_bf16)(args, static_cast<float*>(workspace), parallel);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
