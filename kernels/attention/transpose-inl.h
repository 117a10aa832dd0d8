// Transposing blocks of 32-bit elements (floats, or pairs of bfloat16 as they lie in memory): rows
// of a head become columns, and back. Four columns at a time: 128-bit blocks of rows are gathered
// into vectors so that two rounds of interleaving leave whole columns.
#if defined(WEFT_KERNELS_ATTENTION_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_ATTENTION_TRANSPOSE_INL_H_
#undef WEFT_KERNELS_ATTENTION_TRANSPOSE_INL_H_
#else
#define WEFT_KERNELS_ATTENTION_TRANSPOSE_INL_H_
#endif

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// to[column][row] = from[row][column]. Pitches in elements. `rows` is a multiple of 16 and
// `columns` one of 4.
struct Transposition {
  const float* from;
  int64_t from_pitch;
  float* to;
  int64_t to_pitch;
  int64_t rows, columns;
};

#if HWY_TARGET == HWY_SCALAR
inline void transpose(const Transposition& t) {
  for (int64_t column = 0; column < t.columns; ++column) {
    for (int64_t row = 0; row < t.rows; ++row) {
      // memcpy: pairs of bfloat16 may be signalling NaNs as floats.
      std::memcpy(t.to + column * t.to_pitch + row, t.from + row * t.from_pitch + column,
                  sizeof(float));
    }
  }
}
#else
using Words = hn::Vec<U32>;

// Blocks of four elements, `stride` elements apart, as one vector, and back.
template <class D>
HWY_INLINE hn::Vec<D> gather_blocks(D d, const uint32_t* p, int64_t stride) {
  constexpr int64_t kCount = static_cast<int64_t>(hn::MaxLanes(D()));
  if constexpr (kCount == 4) {
    return hn::LoadU(d, p);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, gather_blocks(half, p + kCount / 8 * stride, stride),
                       gather_blocks(half, p, stride));
  }
}
template <class D>
HWY_INLINE void scatter_blocks(D d, hn::Vec<D> v, uint32_t* p, int64_t stride) {
  constexpr int64_t kCount = static_cast<int64_t>(hn::MaxLanes(D()));
  if constexpr (kCount == 4) {
    hn::StoreU(v, d, p);
  } else {
    const hn::Half<D> half;
    scatter_blocks(half, hn::LowerHalf(half, v), p, stride);
    scatter_blocks(half, hn::UpperHalf(half, v), p + kCount / 8 * stride, stride);
  }
}

struct FourWords {
  Words v[4];
};
// Transposes the 4 x 4 elements of each 128-bit block.
HWY_INLINE FourWords transpose_blocks(const FourWords& a) {
  const U32 d;
  const Words ac = hn::InterleaveLower(d, a.v[0], a.v[2]);
  const Words bd = hn::InterleaveLower(d, a.v[1], a.v[3]);
  const Words ac2 = hn::InterleaveUpper(d, a.v[0], a.v[2]);
  const Words bd2 = hn::InterleaveUpper(d, a.v[1], a.v[3]);
  return {{hn::InterleaveLower(d, ac, bd), hn::InterleaveUpper(d, ac, bd),
           hn::InterleaveLower(d, ac2, bd2), hn::InterleaveUpper(d, ac2, bd2)}};
}

// Lane i of a column is row i: block b of vector j of the four holds row 4 b + j.
inline void transpose(const Transposition& t) {
  const auto* from = reinterpret_cast<const uint32_t*>(t.from);
  auto* to = reinterpret_cast<uint32_t*>(t.to);
  for (int64_t row = 0; row < t.rows; row += kLanes) {
    for (int64_t column = 0; column < t.columns; column += 4) {
      const uint32_t* source = from + row * t.from_pitch + column;
      FourWords rows;
      HWY_UNROLL(4)
      for (int64_t j = 0; j < 4; ++j) {
        rows.v[j] = gather_blocks(U32(), source + j * t.from_pitch, 4 * t.from_pitch);
      }
      const FourWords columns = transpose_blocks(rows);
      HWY_UNROLL(4)
      for (int64_t j = 0; j < 4; ++j) {
        hn::StoreU(columns.v[j], U32(), to + (column + j) * t.to_pitch + row);
      }
    }
  }
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_ATTENTION_TRANSPOSE_INL_H_
