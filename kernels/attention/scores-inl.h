// The steps between the products of attention, on a block of scores [key][query]: lanes are
// queries, so that maxima, sums, masks and statistics of sixteen queries are one vector each, and
// nothing is reduced across lanes. Used with scores in float whatever made them; where the results
// go is the caller's (floats in place, or bfloat16 for tiles).
#if defined(WEFT_KERNELS_ATTENTION_SCORES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_ATTENTION_SCORES_INL_H_
#undef WEFT_KERNELS_ATTENTION_SCORES_INL_H_
#else
#define WEFT_KERNELS_ATTENTION_SCORES_INL_H_
#endif

#include "kernels/attention/attention_blocks-inl.h"
#include "kernels/simd/philox-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

using VI32 = hn::Vec<I32>;
using MaskF = hn::Mask<F32>;

// ---- Dropout -----------------------------------------------------------------------------------

// Which probabilities of a block are kept: bit `key % 32` of the query's word.
struct KeptBits {
  uint32_t words[kKeyBlock / 32][kQueryBlock];
};

// Word w of counter c belongs to key 16 w + c of a block of 64.
inline uint64_t kept_keys(const AttentionDropout& dropout, uint64_t first, uint64_t sample) {
  const V p = all(dropout.p);
  uint64_t bits = 0;
  for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
    const PhiloxWords words =
        philox_lanes(dropout.key, first + static_cast<uint64_t>(lane), sample);
    const VU32 in_order[4] = {words.w0, words.w1, words.w2, words.w3};
    for (int64_t w = 0; w < 4; ++w) {
      uint8_t bytes[8] = {};
      hn::StoreMaskBits(F32(), hn::Ge(uniform_lanes(in_order[w]), p), bytes);
      const uint64_t kept = bytes[0] | static_cast<uint64_t>(bytes[1]) << 8;
      bits |= kept << (w * kPanel + lane);
    }
  }
  return bits;
}

// For all queries of a block that see any of the block of keys.
inline void fill_kept(const AttentionDropout& dropout, const AttentionShape& s,
                      const HeadSpan& queries, const SeenBlock& seen, KeptBits& kept) {
  const int64_t blocks = ceil_div(s.S, kKeyBlock), block = seen.first_key / kKeyBlock;
  for_seen_panels(seen, [&](KeyRange rows, KeyRange) HWY_ATTR {
    for (int64_t r = rows.begin; r < rows.end; ++r) {
      const int64_t place = (queries.head * s.T + queries.first + r) * blocks + block;
      const uint64_t bits = kept_keys(dropout, static_cast<uint64_t>(place * kPanel),
                                      dropout.first_sample + static_cast<uint64_t>(queries.b));
      kept.words[0][r] = static_cast<uint32_t>(bits);
      kept.words[1][r] = static_cast<uint32_t>(bits >> 32);
    }
  });
}

// ---- Masks -------------------------------------------------------------------------------------

// The queries of one vector: what they see of a block of keys, and what dropout keeps.
struct LaneMasks {
  bool masked, drops;
  VI32 begin, end;
  const uint32_t* kept;  // of the first lane; words of the second 32 keys are kQueryBlock further
  V keep_factor;

  LaneMasks(const SeenBlock& seen, int64_t query, const AttentionDropout& dropout,
            const KeptBits& bits)
      : masked(!seen.complete), drops(dropout.p > 0.0f), kept(bits.words[0] + query) {
    const VI32 first = hn::Set(I32(), static_cast<int32_t>(seen.first_key));
    begin = hn::Sub(hn::LoadU(I32(), seen.queries.begin + query), first);
    end = hn::Sub(hn::LoadU(I32(), seen.queries.end + query), first);
    keep_factor = all(1.0f / (1.0f - dropout.p));
  }
  HWY_INLINE MaskF sees(int64_t key) const {
    const VI32 k = hn::Set(I32(), static_cast<int32_t>(key));
    return hn::RebindMask(F32(), hn::AndNot(hn::Lt(k, begin), hn::Lt(k, end)));
  }
  HWY_INLINE V seen_or(int64_t key, V value, V other) const {
    return masked ? hn::IfThenElse(sees(key), value, other) : value;
  }
  HWY_INLINE V dropped(int64_t key, V value) const {
    if (!drops) return value;
    const VU32 words = hn::LoadU(U32(), kept + key / 32 * kQueryBlock);
    const VU32 bit = hn::Set(U32(), 1u << (key % 32));
    return hn::IfThenElseZero(hn::RebindMask(F32(), hn::TestBit(words, bit)),
                              hn::Mul(value, keep_factor));
  }
};

// A block of scores and one vector of its queries.
struct ScoreLanes {
  const float* scores;  // of key 0 and the first lane; keys are kQueryBlock apart
  float scale;
  KeyRange keys;  // an even number

  HWY_INLINE V at(int64_t key) const { return load(scores + key * kQueryBlock, Full()); }
};

// ---- Forward -----------------------------------------------------------------------------------

HWY_INLINE V largest_scores(const ScoreLanes& s, const LaneMasks& masks, V before) {
  const V scale = all(s.scale), lowest = all(-std::numeric_limits<float>::infinity());
  V even = before, odd = lowest;
  for (int64_t key = s.keys.begin; key < s.keys.end; key += 2) {
    even = hn::Max(even, masks.seen_or(key, hn::Mul(s.at(key), scale), lowest));
    odd = hn::Max(odd, masks.seen_or(key + 1, hn::Mul(s.at(key + 1), scale), lowest));
  }
  return hn::Max(even, odd);
}

// Sums of exponentials, and of what they are rounded to on their way into the product with values:
// the one makes the log-sum-exp. The other is what divides that product, so that weights add up to
// one as they were used.
struct SoftmaxSums {
  V total, weight;
};

// emit(key, P[key], P[key + 1]) with P relative to `maximum`, dropped and masked. Sums are of what
// was not dropped.
template <class Emit>
HWY_INLINE SoftmaxSums exponentials(const ScoreLanes& s, const LaneMasks& masks, V maximum,
                                    const Emit& emit) {
  const V scale = all(s.scale);
  SoftmaxSums even{zeros(), zeros()}, odd = even;
  const auto add = [&](int64_t key, SoftmaxSums& sums) WEFT_LANES {
    const V e = exp_of_difference(hn::MulSub(s.at(key), scale, maximum));
    const V p = masks.seen_or(key, e, zeros());
    sums.total = hn::Add(sums.total, p);
    if constexpr (Emit::kRounds) sums.weight = hn::Add(sums.weight, emit.rounded(p));
    return masks.dropped(key, p);
  };
  for (int64_t key = s.keys.begin; key < s.keys.end; key += 2) {
    const V first = add(key, even), second = add(key + 1, odd);
    emit(key, first, second);
  }
  const V total = hn::Add(even.total, odd.total);
  return {total, Emit::kRounds ? hn::Add(even.weight, odd.weight) : total};
}

// Largest scores and sums of exponentials of a block of queries so far.
struct Statistics {
  float maximum[kQueryBlock], total[kQueryBlock], weight[kQueryBlock];

  void clear() {
    std::fill(maximum, maximum + kQueryBlock, -std::numeric_limits<float>::infinity());
    std::fill(total, total + kQueryBlock, 0.0f);
    std::fill(weight, weight + kQueryBlock, 0.0f);
  }
};

// rows[i] *= factors, for rows kQueryBlock apart.
HWY_INLINE void scale_columns(float* rows, int64_t count, V factors) {
  for (int64_t i = 0; i < count; ++i, rows += kQueryBlock) {
    store(hn::Mul(load(rows, Full()), factors), rows, Full());
  }
}

// Scores of one vector of queries become probabilities relative to the largest score so far; what
// was summed before is rescaled where that grows, by emit.rescale(factors) too.
template <class Emit>
HWY_INLINE void soften(const ScoreLanes& s, const LaneMasks& masks, Statistics& statistics,
                       int64_t query, const Emit& emit) {
  float *maximum = statistics.maximum + query, *total = statistics.total + query;
  float* weight = statistics.weight + query;
  const V before = load(maximum, Full());
  const V largest = largest_scores(s, masks, before);
  // Of queries that have seen nothing yet the maximum is -infinity, and any other number serves.
  const V lowest = all(-std::numeric_limits<float>::infinity());
  const V shift = hn::IfThenElse(hn::Eq(largest, lowest), zeros(), largest);
  SoftmaxSums sums{load(total, Full()), load(weight, Full())};
  if (!hn::AllFalse(F32(), hn::Lt(before, largest))) {
    const V shrink = exp_of_difference(hn::Sub(before, shift));
    sums = {hn::Mul(sums.total, shrink), hn::Mul(sums.weight, shrink)};
    emit.rescale(shrink);
    store(largest, maximum, Full());
  }
  const SoftmaxSums more = exponentials(s, masks, shift, emit);
  store(hn::Add(sums.total, more.total), total, Full());
  store(hn::Add(sums.weight, more.weight), weight, Full());
}

// ---- Backward ----------------------------------------------------------------------------------

// What else the gradient of one vector of queries reads: dP, as scores lie, and statistics.
struct SlopeLanes {
  const float* dp;
  V lse, delta;
};

// P D and dS of two keys.
struct LaneGradients {
  V p[2], ds[2];
};

// emit(key, gradients of key and key + 1), from scores and dP.
template <class Emit>
HWY_INLINE void differentiate(const ScoreLanes& s, const SlopeLanes& slopes, const LaneMasks& masks,
                              Emit emit) {
  const V scale = all(s.scale);
  for (int64_t key = s.keys.begin; key < s.keys.end; key += 2) {
    LaneGradients g;
    HWY_UNROLL(2)
    for (int64_t i = 0; i < 2; ++i) {
      const V p = exp_of_difference(hn::MulSub(s.at(key + i), scale, slopes.lse));
      const V slope = masks.dropped(key + i, load(slopes.dp + (key + i) * kQueryBlock, Full()));
      const V ds = hn::Mul(p, hn::Sub(slope, slopes.delta));
      g.p[i] = masks.seen_or(key + i, masks.dropped(key + i, p), zeros());
      g.ds[i] = masks.seen_or(key + i, ds, zeros());
    }
    emit(key, g);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_ATTENTION_SCORES_INL_H_
