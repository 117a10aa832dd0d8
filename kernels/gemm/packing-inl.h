// Blocks of matrices as floats in another order: what packing for products is made of.
#if defined(WEFT_KERNELS_GEMM_PACKING_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_GEMM_PACKING_INL_H_
#undef WEFT_KERNELS_GEMM_PACKING_INL_H_
#else
#define WEFT_KERNELS_GEMM_PACKING_INL_H_
#endif

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// Element (i, j) is from[i * ld + j]. Where it goes: `pitch` floats lie between rows of `to`.
template <class T>
struct Block {
  const T* from;
  int64_t ld, rows, columns;
  float* to;
  int64_t pitch;
};

// to[j * pitch + i] = from[i * ld + j], the plain way.
template <class T>
void transpose_simply(const Block<T>& t, int64_t first_row, int64_t first_column) {
  for (int64_t i = first_row; i < t.rows; ++i) {
    for (int64_t j = first_column; j < t.columns; ++j) {
      t.to[j * t.pitch + i] = static_cast<float>(t.from[i * t.ld + j]);
    }
  }
}

#if HWY_TARGET == HWY_SCALAR
template <class T>
void transpose(const Block<T>& t) {
  transpose_simply(t, 0, 0);
}
#else
// Four rows at a time: each group of four lanes is a 4 x 4 block, transposed within the group.
template <class T>
HWY_INLINE void transpose_four(const T* from, int64_t ld, float* to, int64_t pitch) {
  const hn::Repartition<uint64_t, F32> pairs;
  const V a = load(from, Full()), b = load(from + ld, Full());
  const V c = load(from + 2 * ld, Full()), d = load(from + 3 * ld, Full());
  const auto low_ab = hn::BitCast(pairs, hn::InterleaveLower(F32(), a, b));
  const auto low_cd = hn::BitCast(pairs, hn::InterleaveLower(F32(), c, d));
  const auto high_ab = hn::BitCast(pairs, hn::InterleaveUpper(F32(), a, b));
  const auto high_cd = hn::BitCast(pairs, hn::InterleaveUpper(F32(), c, d));
  HWY_ALIGN float lanes[4 * static_cast<size_t>(kLanes)];
  const auto put = [&lanes](auto columns, int64_t i) WEFT_LANES {
    store(hn::BitCast(F32(), columns), lanes + i * kLanes, Full());
  };
  put(hn::InterleaveLower(pairs, low_ab, low_cd), 0);
  put(hn::InterleaveUpper(pairs, low_ab, low_cd), 1);
  put(hn::InterleaveLower(pairs, high_ab, high_cd), 2);
  put(hn::InterleaveUpper(pairs, high_ab, high_cd), 3);
  HWY_UNROLL(4)
  for (int64_t group = 0; group < kLanes; group += 4) {
    HWY_UNROLL(4)
    for (int64_t i = 0; i < 4; ++i) {
      std::memcpy(to + (group + i) * pitch, lanes + i * kLanes + group, 4 * sizeof(float));
    }
  }
}

template <class T>
void transpose(const Block<T>& t) {
  const int64_t rows = t.rows / 4 * 4, columns = t.columns / kLanes * kLanes;
  for (int64_t i = 0; i < rows; i += 4) {
    for (int64_t j = 0; j < columns; j += kLanes) {
      transpose_four(t.from + i * t.ld + j, t.ld, t.to + j * t.pitch + i, t.pitch);
    }
  }
  Block<T> part = t;
  part.columns = columns;
  transpose_simply(part, rows, 0);
  transpose_simply(t, 0, columns);
}
#endif

// to[i * pitch + j] = from[i * ld + j].
template <class T>
void copy_rows(const Block<T>& t) {
  for (int64_t i = 0; i < t.rows; ++i) {
    const T* from = t.from + i * t.ld;
    float* to = t.to + i * t.pitch;
    for_lanes(t.columns, [&](int64_t j, auto extent)
                             WEFT_LANES { store(load(from + j, extent), to + j, extent); });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_GEMM_PACKING_INL_H_
