// The steps that the forward and the backward pass of attention share: packing rows of heads into
// blocks of floats, products limited to the keys that are seen, exponentials, dropout.
#if defined(WEFT_KERNELS_ATTENTION_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_ATTENTION_BLOCKS_INL_H_
#undef WEFT_KERNELS_ATTENTION_BLOCKS_INL_H_
#else
#define WEFT_KERNELS_ATTENTION_BLOCKS_INL_H_
#endif

#include "kernels/attention/block_product-inl.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/philox-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// `count` rows of `D` elements, `stride` apart.
template <class T>
struct Rows {
  T* data;
  int64_t stride, count, D;
};
using FloatRows = Rows<const float>;

// Tokens [first, first + count) of one head.
template <class T>
HWY_INLINE Rows<T> rows_of(const HeadRows<T>& h, int64_t D, const HeadSpan& span) {
  return {h.data + span.b * h.batch + span.first * h.row + span.head * D, h.row, span.count, D};
}

// to[row] = factor * from[row]; rows of floats are zeroed up to `to.stride`.
template <class From, class To>
void copy_rows(const Rows<From>& from, float factor, const Rows<To>& to) {
  const V scale = all(factor);
  for (int64_t r = 0; r < from.count; ++r) {
    const From* source = from.data + r * from.stride;
    To* target = to.data + r * to.stride;
    for_lanes(from.D, [&](int64_t i, auto e) WEFT_LANES {
      store(hn::Mul(load(source + i, e), scale), target + i, e);
    });
  }
}

// Rows of heads as a block of floats, zeros up to `ld`.
template <class T>
void pack_rows(const Rows<T>& rows, float factor, float* to, int64_t ld) {
  copy_rows(rows, factor, Rows<float>{to, ld, rows.count, rows.D});
  for (int64_t r = 0; r < rows.count; ++r) std::fill(to + r * ld + rows.D, to + (r + 1) * ld, 0.0f);
}

// to[d][key] for a block of at most kKeyBlock keys, zeros for the missing ones.
template <class T>
void pack_transposed_simply(const Rows<T>& rows, float* to) {
  for (int64_t d = 0; d < rows.D; ++d, to += kKeyBlock) {
    for (int64_t r = 0; r < rows.count; ++r) {
      to[r] = static_cast<float>(rows.data[r * rows.stride + d]);
    }
    std::fill(to + rows.count, to + kKeyBlock, 0.0f);
  }
}

#if HWY_TARGET == HWY_SCALAR
template <class T>
void pack_transposed(const Rows<T>& rows, float* to) {
  pack_transposed_simply(rows, to);
}
#else
// Four rows at a time: two rounds of interleaving leave, in each group of four lanes, the four
// rows' elements of one column.
template <class T>
HWY_INLINE void transpose_four(const Rows<T>& rows, int64_t row, int64_t d, float* to) {
  const T* from = rows.data + row * rows.stride + d;
  const V a = load(from, Full()), b = load(from + rows.stride, Full());
  const V c = load(from + 2 * rows.stride, Full()), e = load(from + 3 * rows.stride, Full());
  const F32 df;
  const V ac = hn::InterleaveLower(df, a, c), be = hn::InterleaveLower(df, b, e);
  const V ac2 = hn::InterleaveUpper(df, a, c), be2 = hn::InterleaveUpper(df, b, e);
  const V columns[4] = {hn::InterleaveLower(df, ac, be), hn::InterleaveUpper(df, ac, be),
                        hn::InterleaveLower(df, ac2, be2), hn::InterleaveUpper(df, ac2, be2)};
  HWY_ALIGN float buffer[4 * static_cast<size_t>(kLanes)];
  HWY_UNROLL(4)
  for (int64_t j = 0; j < 4; ++j) store(columns[j], buffer + j * kLanes, Full());
  for (int64_t i = 0; i < kLanes; ++i) {
    const float* source = buffer + i % 4 * kLanes + i / 4 * 4;
    std::memcpy(to + (d + i) * kKeyBlock + row, source, 4 * sizeof(float));
  }
}

template <class T>
void pack_transposed(const Rows<T>& rows, float* to) {
  if (rows.count != kKeyBlock || rows.D % kLanes != 0) return pack_transposed_simply(rows, to);
  for (int64_t row = 0; row < kKeyBlock; row += 4) {
    for (int64_t d = 0; d < rows.D; d += kLanes) transpose_four(rows, row, d, to);
  }
}
#endif

// exp(x) for x up to 88, meant for x <= 0 (and what rounding adds): relative error below 2e-7, and
// 1.2e-38 for everything below -87.3. NaN stays NaN. A cheaper exp_lanes.
HWY_INLINE V exp_of_difference(V x) {
  const V bounded = hn::IfThenElse(hn::Lt(x, all(-87.33654f)), all(-87.33654f), x);
  const V n = hn::Round(hn::Mul(bounded, all(1.44269504f)));
  const V r = hn::NegMulAdd(n, all(-2.12194440e-4f), hn::NegMulAdd(n, all(0.693359375f), bounded));
  const V tail = polynomial(r, 0.49999994f, 0.16666521f, 0.04166839f, 0.008368717f, 0.0013814599f);
  const V fraction = hn::Add(hn::MulAdd(hn::Mul(r, r), tail, r), all(1.0f));
  const auto power = hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(I32(), n), hn::Set(I32(), 127)));
  return hn::Mul(fraction, hn::BitCast(F32(), power));
}

// Lanes of the vector that starts at `column` which `range` holds.
HWY_INLINE hn::Mask<F32> lanes_in(const KeyRange& range, int64_t column) {
  const auto first = [](int64_t n) WEFT_LANES {
    return hn::FirstN(F32(), static_cast<size_t>(std::clamp<int64_t>(n, 0, kLanes)));
  };
  return hn::AndNot(first(range.begin - column), first(range.end - column));
}

// Queries of a block and the keys that each sees in one block of keys, as columns of that block.
struct SeenBlock {
  KeyRange rows[kQueryBlock];  // by query
  int64_t queries = 0;
  bool complete = true;  // every query sees every key

  // `all_keys` has the ranges of `count` queries.
  SeenBlock(const KeyRange* all_keys, int64_t count, int64_t first_key) : queries(count) {
    for (int64_t r = 0; r < count; ++r) {
      rows[r] = all_keys[r].shifted(-first_key).within({0, kKeyBlock});
      complete = complete && rows[r].begin == 0 && rows[r].end == kKeyBlock;
    }
  }
  KeyRange columns_of(int64_t first, int64_t count) const {
    KeyRange range;
    for (int64_t r = first; r < first + count; ++r) range = join(range, rows[r]);
    return range;
  }
  // The first to the last query that sees one of the keys [first, first + count).
  KeyRange queries_of(int64_t first, int64_t count) const {
    KeyRange range;
    for (int64_t r = 0; r < queries; ++r) {
      if (!rows[r].within({first, first + count}).empty()) range = join(range, {r, r + 1});
    }
    return range;
  }
};

// The columns of a group of queries that are computed: whole panels.
HWY_INLINE KeyRange panels_of(const KeyRange& columns) {
  if (columns.empty()) return {};
  return {columns.begin / kPanel * kPanel, round_up(columns.end, kPanel)};
}

// body(first query, queries, columns) for groups of queries that see anything of the block.
template <class Body>
HWY_INLINE void for_query_groups(const SeenBlock& seen, Body body) {
  if (seen.complete) return body(int64_t{0}, seen.queries, KeyRange{0, kKeyBlock});
  for (int64_t first = 0; first < seen.queries; first += kRowGroup) {
    const int64_t count = std::min<int64_t>(kRowGroup, seen.queries - first);
    const KeyRange columns = panels_of(seen.columns_of(first, count));
    if (!columns.empty()) body(first, count, columns);
  }
}

// scores[query][key] = rows[query] . key for the panels that are seen; `kt` is a transposed block
// of keys with D rows.

HWY_INLINE void multiply_seen(const SeenBlock& seen, const FloatRows& rows, const float* kt,
                              float* scores) {
  for_query_groups(seen, [&](int64_t first, int64_t count, KeyRange columns) WEFT_LANES {
    multiply_block({.a = rows.data + first * rows.stride,
                    .a_row = rows.stride,
                    .a_column = 1,
                    .b = kt + columns.begin,
                    .ldb = kKeyBlock,
                    .c = scores + first * kKeyBlock + columns.begin,
                    .ldc = kKeyBlock,
                    .m = count,
                    .n = columns.end - columns.begin,
                    .k = rows.D,
                    .add = false});
  });
}

// sums[query] += probabilities[query] values, over the panels that are seen.
HWY_INLINE void add_seen(const SeenBlock& seen, const float* probabilities, const float* values,
                         int64_t ld, float* sums) {
  for_query_groups(seen, [&](int64_t first, int64_t count, KeyRange columns) WEFT_LANES {
    multiply_block({.a = probabilities + first * kKeyBlock + columns.begin,
                    .a_row = kKeyBlock,
                    .a_column = 1,
                    .b = values + columns.begin * ld,
                    .ldb = ld,
                    .c = sums + first * ld,
                    .ldc = ld,
                    .m = count,
                    .n = ld,
                    .k = columns.end - columns.begin,
                    .add = true});
  });
}

// What dropout multiplies the probabilities of one query and one block of keys with: 0 or 1/(1-p).
struct DropoutRow {
  float p;
  uint64_t key, sample, first;  // counter of the block's first key
};

HWY_INLINE DropoutRow dropout_row(const AttentionDropout& dropout, const AttentionShape& s,
                                  int64_t b, int64_t head_and_query, int64_t block) {
  const int64_t blocks = blocks_of(s.S, kKeyBlock);
  return {dropout.p, dropout.key, dropout.first_sample + static_cast<uint64_t>(b),
          static_cast<uint64_t>((head_and_query * blocks + block) * kPanel)};
}

// Word w of counter c belongs to key 16 w + c of the block: lanes are keys, nothing is transposed.
HWY_INLINE void fill_dropout_factors(const DropoutRow& row, float* factors) {
  const V p = all(row.p), kept = all(1.0f / (1.0f - row.p));
  for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
    const PhiloxWords words =
        philox_lanes(row.key, row.first + static_cast<uint64_t>(lane), row.sample);
    const VU32 in_order[4] = {words.w0, words.w1, words.w2, words.w3};
    for (int64_t w = 0; w < 4; ++w) {
      const V factor = hn::IfThenElseZero(hn::Ge(uniform_lanes(in_order[w]), p), kept);
      store(factor, factors + w * kPanel + lane, Full());
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_ATTENTION_BLOCKS_INL_H_
