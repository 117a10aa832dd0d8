// Blocks of bfloat16 as tiles want them: rows with whole tiles of columns, columns as pairs, rows
// in pairs; and floats rounded to bfloat16 in either form. Counts are multiples of 32.
#if defined(WEFT_KERNELS_ATTENTION_PAIRS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_ATTENTION_PAIRS_INL_H_
#undef WEFT_KERNELS_ATTENTION_PAIRS_INL_H_
#else
#define WEFT_KERNELS_ATTENTION_PAIRS_INL_H_
#endif

#include "kernels/attention/attention_blocks-inl.h"
#include "kernels/attention/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// Bits whose upper half is the bfloat16 nearest to a float: ties go away from zero, which for sums
// of products is as good as to even, and saves three instructions. NaN stays NaN: those that
// arithmetic makes have nothing in the lower half that could carry over.
HWY_INLINE hn::Vec<U32> rounded_bits(V value) {
  return hn::Add(hn::BitCast(U32(), value), hn::Set(U32(), 0x8000u));
}
HWY_INLINE void store_words(hn::Vec<U32> words, BFloat16* to) {
  hn::StoreU(words, U32(), reinterpret_cast<uint32_t*>(to));
}
HWY_INLINE hn::Vec<U32> load_words(const BFloat16* from) {
  return hn::LoadU(U32(), reinterpret_cast<const uint32_t*>(from));
}
HWY_INLINE hn::Vec<U32> load_wide(const BFloat16* from) {
  return hn::PromoteTo(U32(), hn::LoadU(U16(), reinterpret_cast<const uint16_t*>(from)));
}
HWY_INLINE void store_narrow(hn::Vec<U32> words, BFloat16* to) {
  hn::StoreU(hn::TruncateTo(U16(), words), U16(), reinterpret_cast<uint16_t*>(to));
}
HWY_INLINE hn::Vec<U32> upper_half(hn::Vec<U32> words) {
  return hn::And(words, hn::Set(U32(), 0xFFFF0000u));
}
HWY_INLINE V rounded_to_bf16(V value) {
  return hn::BitCast(F32(), upper_half(rounded_bits(value)));
}

// Two rows of floats as a row of pairs, and one row of floats as a row of bfloat16.
HWY_INLINE void store_pairs(V first, V second, BFloat16* to) {
  store_words(hn::Or(hn::ShiftRight<16>(rounded_bits(first)), upper_half(rounded_bits(second))),
              to);
}
HWY_INLINE void store_rounded(V value, BFloat16* to) {
  store_narrow(hn::ShiftRight<16>(rounded_bits(value)), to);
}

// Whole vectors by hand: a call for each row of 64 bytes would take longer than they do.
HWY_INLINE void copy_bf16_row(const BFloat16* from, int64_t D, BFloat16* to, int64_t ld) {
  const hn::ScalableTag<uint16_t> lanes;
  constexpr auto kEach = static_cast<int64_t>(hn::MaxLanes(lanes));
  int64_t i = 0;
  for (; i + kEach <= D; i += kEach) {
    hn::StoreU(hn::LoadU(lanes, reinterpret_cast<const uint16_t*>(from + i)), lanes,
               reinterpret_cast<uint16_t*>(to + i));
  }
  if (i < D)
    std::memcpy(static_cast<void*>(to + i), from + i,
                static_cast<size_t>(D - i) * sizeof(BFloat16));
  if (D < ld)
    std::memset(static_cast<void*>(to + D), 0, static_cast<size_t>(ld - D) * sizeof(BFloat16));
}

// Rows of a head, zeros up to `ld` columns and up to `rows` rows.
inline void pack_bf16_rows(const Rows<const BFloat16>& from, BFloat16* to, int64_t ld,
                           int64_t rows) {
  for (int64_t r = 0; r < from.count; ++r, to += ld) {
    copy_bf16_row(from.data + r * from.stride, from.D, to, ld);
  }
  if (from.count < rows)
    std::memset(static_cast<void*>(to), 0,
                static_cast<size_t>((rows - from.count) * ld) * sizeof(BFloat16));
}

// to[column / 2][row] = the pair of from[row]'s columns, for 64 rows of `ld`: the transposed block
// as the second operand of a product.
inline void pair_columns(const BFloat16* from, int64_t ld, BFloat16* to) {
  transpose({.from = reinterpret_cast<const float*>(from),
             .from_pitch = ld / 2,
             .to = reinterpret_cast<float*>(to),
             .to_pitch = kKeyBlock,
             .rows = kKeyBlock,
             .columns = ld / 2});
}

// to[row / 2][column] = the pair of from's rows: 64 rows as the second operand of a product.
inline void pair_rows(const BFloat16* from, int64_t ld, BFloat16* to) {
  for (int64_t row = 0; row < kKeyBlock; row += 2, from += 2 * ld, to += 2 * ld) {
    for (int64_t i = 0; i < ld; i += kLanes) {
      const auto second = hn::ShiftLeft<16>(load_wide(from + ld + i));
      store_words(hn::Or(load_wide(from + i), second), to + 2 * i);
    }
  }
}

// to[column][row] of 64 rows, from what pair_columns made: the transposed block as the first
// operand.
inline void split_pairs(const BFloat16* from, int64_t ld, BFloat16* to) {
  for (int64_t column = 0; column < ld; column += 2, from += 2 * kKeyBlock, to += 2 * kKeyBlock) {
    for (int64_t i = 0; i < kKeyBlock; i += kLanes) {
      const auto pairs = load_words(from + 2 * i);
      store_narrow(hn::And(pairs, hn::Set(U32(), 0xFFFFu)), to + i);
      store_narrow(hn::ShiftRight<16>(pairs), to + kKeyBlock + i);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_ATTENTION_PAIRS_INL_H_
