// Blocks of matrices as words (kernels/gemm/words.h) in another order: what packing for products is
// made of.
#if defined(WEFT_KERNELS_GEMM_PACKING_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_GEMM_PACKING_INL_H_
#undef WEFT_KERNELS_GEMM_PACKING_INL_H_
#else
#define WEFT_KERNELS_GEMM_PACKING_INL_H_
#endif

#include "kernels/gemm/words.h"
#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// `k` elements of each of `lines` lines: rows of A or columns of B. Word i of line j goes to
// to[i * pitch + j]; a word is a float, or a pair.
template <class T, class Word>
struct Block {
  const T* from;
  int64_t ld;  // elements between rows in memory
  int64_t lines, k;
  Word* to;
  int64_t pitch;
};

// Words whose elements lie one after the other, as the bits of lanes.
template <class Word, class T>
HWY_INLINE V words_along(const T* from) {
  if constexpr (kTerms<Word> == 1) return load(from, Full());
  else return hn::BitCast(F32(), hn::LoadU(U32(), reinterpret_cast<const uint32_t*>(from)));
}

// Words whose elements lie one below the other, of which `terms` are there.
template <class Word, class T, class Extent>
HWY_INLINE V words_down(const T* from, int64_t ld, int64_t terms, Extent extent) {
  const V first = load(from, extent);
  if constexpr (kTerms<Word> == 1) return first;
  const V second = terms > 1 ? load(from + ld, extent) : zeros();
  const auto low = hn::ShiftRight<16>(hn::BitCast(U32(), first));
  return hn::BitCast(F32(), hn::Or(low, hn::BitCast(U32(), second)));
}

template <class Word, class T>
Word one_word(const T* from, int64_t terms) {
  if constexpr (kTerms<Word> == 1) return static_cast<float>(*from);
  else return from[0].bits | (terms > 1 ? Pair{from[1].bits} << 16 : 0);
}

// A row of memory is a line, the plain way.
template <class T, class Word>
void transpose_simply(const Block<T, Word>& t, int64_t first_line, int64_t first_word) {
  constexpr int64_t kEach = kTerms<Word>;
  for (int64_t j = first_line; j < t.lines; ++j) {
    for (int64_t i = first_word; i * kEach < t.k; ++i) {
      t.to[i * t.pitch + j] = one_word<Word>(t.from + j * t.ld + i * kEach, t.k - i * kEach);
    }
  }
}

#if HWY_TARGET == HWY_SCALAR
template <class T, class Word>
void transpose(const Block<T, Word>& t) {
  transpose_simply(t, 0, 0);
}
#else
// Four rows at a time: each group of four lanes is a 4 x 4 block, transposed within the group.
template <class T, class Word>
HWY_INLINE void transpose_four(const T* from, int64_t ld, Word* to, int64_t pitch) {
  const hn::Repartition<uint64_t, F32> pairs;
  const V a = words_along<Word>(from), b = words_along<Word>(from + ld);
  const V c = words_along<Word>(from + 2 * ld), d = words_along<Word>(from + 3 * ld);
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
      std::memcpy(to + (group + i) * pitch, lanes + i * kLanes + group, 4 * sizeof(Word));
    }
  }
}

// A row of memory is a line.
template <class T, class Word>
void transpose(const Block<T, Word>& t) {
  constexpr int64_t kEach = kTerms<Word>;
  const int64_t lines = t.lines / 4 * 4, words = t.k / kEach / kLanes * kLanes;
  for (int64_t j = 0; j < lines; j += 4) {
    for (int64_t i = 0; i < words; i += kLanes) {
      transpose_four(t.from + j * t.ld + i * kEach, t.ld, t.to + i * t.pitch + j, t.pitch);
    }
  }
  Block<T, Word> part = t;
  part.k = words * kEach;
  transpose_simply(part, lines, 0);
  transpose_simply(t, 0, words);
}
#endif

// A row of memory is an element of each line.
template <class T, class Word>
void copy_rows(const Block<T, Word>& t) {
  constexpr int64_t kEach = kTerms<Word>;
  Word* to = t.to;
  for (int64_t i = 0; i < t.k; i += kEach, to += t.pitch) {
    const T* from = t.from + i * t.ld;
    const int64_t terms = t.k - i;
    for_lanes(t.lines, [&](int64_t j, auto extent) WEFT_LANES {
      store(words_down<Word>(from + j, t.ld, terms, extent), reinterpret_cast<float*>(to + j),
            extent);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_GEMM_PACKING_INL_H_
