// Attention of few queries over a cache of keys and values: memory bandwidth decides, so that every
// key and value is read once, unpacked, for all queries that share its head. A task takes 256 keys
// ("flash decoding", Dao et al., 2023); a second pass merges the tasks' sums in the order of the
// keys.
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/attention/attention.h"
#include "kernels/attention/visible_keys.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/cached_attention_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/attention/attention_blocks-inl.h"

#ifndef WEFT_KERNELS_CACHED_ATTENTION_ONCE_
#define WEFT_KERNELS_CACHED_ATTENTION_ONCE_
namespace weft::kernels {

inline constexpr int64_t kCacheChunk = 256;  // keys per task

// Queries of a key/value head are numbered over tokens and heads: row = t (H / K) + head in group.
struct CachePlan {
  int64_t pairs, group, rows, chunks, ld;
  int64_t part_floats;    // of one task's result: by row the maximum, the total, then D sums
  int64_t worker_floats;  // queries and scores

  explicit CachePlan(const AttentionShape& s)
      : pairs(s.B * s.K),
        group(s.H / s.K),
        rows(s.T * group),
        chunks(blocks_of(s.S, kCacheChunk)),
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

template <class T>
HWY_INLINE float dot_with_key(const float* q, const T* key, int64_t D) {
  return sum_lanes(
      D, [&](int64_t i, auto e) WEFT_LANES { return hn::Mul(load(q + i, e), load(key + i, e)); });
}

template <class T>
HWY_INLINE void add_value(float weight, const T* value, float* sums, int64_t D) {
  const V w = all(weight);
  for_lanes(D, [&](int64_t i, auto e) WEFT_LANES {
    store(hn::MulAdd(w, load(value + i, e), load(sums + i, e)), sums + i, e);
  });
}

// Scores of all rows, key by key, and their largest.
template <class T>
void score_keys(const CacheTask<T>& t, const KeyRange* seen, const KeyRange& any) {
  const int64_t D = t.a.shape.D;
  const Rows<const T> keys = rows_of(t.a.k, D, {t.b, t.kv_head, any.begin, any.end - any.begin});
  for (int64_t row = 0; row < t.plan.rows; ++row) {
    part_of_row(t.part, t.plan, row).maximum() = -std::numeric_limits<float>::infinity();
  }
  for (int64_t j = any.begin; j < any.end; ++j) {
    const T* key = keys.data + (j - any.begin) * keys.stride;
    for (int64_t row = 0; row < t.plan.rows; ++row) {
      if (j < seen[row].begin || j >= seen[row].end) continue;
      const float score = dot_with_key(t.q + row * t.plan.ld, key, D);
      t.scores[row * kCacheChunk + j - t.keys.begin] = score;
      float& largest = part_of_row(t.part, t.plan, row).maximum();
      largest = std::max(largest, score);
    }
  }
}

// Scores become probabilities, and values are added up.
template <class T>
void add_values(const CacheTask<T>& t, const KeyRange* seen, const KeyRange& any) {
  const int64_t D = t.a.shape.D, offset = t.keys.begin;
  for (int64_t row = 0; row < t.plan.rows; ++row) {
    const PartOfRow part = part_of_row(t.part, t.plan, row);
    std::fill(part.sums(), part.sums() + t.plan.ld, 0.0f);
    part.total() = 0.0f;
    if (seen[row].empty()) continue;
    float* scores = t.scores + row * kCacheChunk + seen[row].begin - offset;
    const V largest = all(part.maximum());
    const int64_t n = seen[row].end - seen[row].begin;
    for_lanes(n, [&](int64_t i, auto e) WEFT_LANES {
      store(exp_of_difference(hn::Sub(load(scores + i, e), largest)), scores + i, e);
    });
    part.total() = sum_lanes(n, [&](int64_t i, auto e) WEFT_LANES { return load(scores + i, e); });
  }
  const Rows<const T> values = rows_of(t.a.v, D, {t.b, t.kv_head, any.begin, any.end - any.begin});
  for (int64_t j = any.begin; j < any.end; ++j) {
    const T* value = values.data + (j - any.begin) * values.stride;
    for (int64_t row = 0; row < t.plan.rows; ++row) {
      if (j < seen[row].begin || j >= seen[row].end) continue;
      const float weight = t.scores[row * kCacheChunk + j - offset];
      add_value(weight, value, part_of_row(t.part, t.plan, row).sums(), D);
    }
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
  add_values(t, seen, any);
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
