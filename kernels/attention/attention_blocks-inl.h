// What all kernels of attention share: rows of heads, packing them into blocks of floats,
// exponentials. Products are in block_product-inl.h, softmax and its gradient in scores-inl.h.
#if defined(WEFT_KERNELS_ATTENTION_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_ATTENTION_BLOCKS_INL_H_
#undef WEFT_KERNELS_ATTENTION_BLOCKS_INL_H_
#else
#define WEFT_KERNELS_ATTENTION_BLOCKS_INL_H_
#endif

#include <algorithm>

#include "kernels/attention/visible_keys.h"
#include "kernels/simd/math-inl.h"

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

// Brings rows that will be written into the caches while something else is computed: rows of a head
// lie too far apart for the processor to foresee the next.
template <class T>
HWY_INLINE void fetch_rows(const Rows<T>& rows) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t r = 0; r < rows.count; ++r) {
    T* row = rows.data + r * rows.stride;
    for (int64_t i = 0; i < rows.D; i += kLine) __builtin_prefetch(row + i, 1);
  }
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

// exp(x) for x up to 88, meant for x <= 0 (and what rounding adds): relative error below
// 2e-7 + 2e-8 |x|, which is what rounding x itself costs, and 1.2e-38 for everything below -87.3.
// NaN stays NaN. A cheaper exp_lanes: 2^z with z = n + r, n an integer that adding 1.5 * 2^23
// leaves in the lowest bits. The polynomial is our own minimax fit of 2^r, |r| <= 1/2.
HWY_INLINE V exp_of_difference(V x) {
  const V magic = all(0x1.8p23f), log2_e = all(1.44269504f);
  const V bounded = at_least(x, -87.3f);
  const V shifted = hn::MulAdd(bounded, log2_e, magic);
  const V r = hn::MulSub(bounded, log2_e, hn::Sub(shifted, magic));
  const V fraction = polynomial(r, 1.0f, 0.693147004f, 0.240222424f, 0.0555073358f, 0.00967151299f,
                                0.00132647273f);
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(I32(), shifted));
  const auto power = hn::Add(exponent, hn::BitCast(I32(), all(1.0f)));
  return hn::Mul(fraction, hn::BitCast(F32(), power));
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_ATTENTION_BLOCKS_INL_H_
