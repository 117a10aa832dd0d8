// Vectors of float lanes over rows of float or bfloat16: loads, stores, loops with a partial last
// vector, sums. Compiled once per instruction set (Highway's foreach_target); arithmetic is always
// in float. Transcendental functions are in math-inl.h.
#if defined(WEFT_KERNELS_SIMD_LANES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_SIMD_LANES_INL_H
#undef WEFT_KERNELS_SIMD_LANES_INL_H
#else
#define WEFT_KERNELS_SIMD_LANES_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

#include "weft/dtype.h"

// For lambdas that loops call with one vector: they must be inlined, and compiled for the target.
#ifndef WEFT_LANES
#define WEFT_LANES HWY_ATTR __attribute__((always_inline))
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using U32 = hn::RebindToUnsigned<F32>;
using I32 = hn::RebindToSigned<F32>;
using U16 = hn::Rebind<uint16_t, F32>;
using V = hn::Vec<F32>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(F32()));

// How much of a vector is there: all of it, or its first `n` lanes.
struct Full {};
struct Part {
  int64_t n;
};

HWY_INLINE V all(float value) {
  return hn::Set(F32(), value);
}
HWY_INLINE V zeros() {
  return hn::Zero(F32());
}
HWY_INLINE V from_bf16(hn::Vec<U16> bits) {
  return hn::BitCast(F32(), hn::ShiftLeft<16>(hn::PromoteTo(U32(), bits)));
}

// Round to nearest, ties to even; NaN stays NaN. The same as BFloat16's constructor.
HWY_INLINE hn::Vec<U16> to_bf16(V value) {
  const U32 du;
  const auto f = hn::BitCast(du, value);
  const auto odd = hn::And(hn::ShiftRight<16>(f), hn::Set(du, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(f, hn::Add(odd, hn::Set(du, 0x7fffu))));
  const auto quiet = hn::Or(hn::ShiftRight<16>(f), hn::Set(du, 0x40u));
  const auto is_number = hn::RebindMask(du, hn::Eq(value, value));
  return hn::TruncateTo(U16(), hn::IfThenElse(is_number, rounded, quiet));
}

HWY_INLINE V load(const float* p, Full) {
  return hn::LoadU(F32(), p);
}
HWY_INLINE V load(const BFloat16* p, Full) {
  return from_bf16(hn::LoadU(U16(), reinterpret_cast<const uint16_t*>(p)));
}
HWY_INLINE void store(V value, float* p, Full) {
  hn::StoreU(value, F32(), p);
}
HWY_INLINE void store(V value, BFloat16* p, Full) {
  hn::StoreU(to_bf16(value), U16(), reinterpret_cast<uint16_t*>(p));
}

// Partial vectors go through a buffer: never a byte beyond the row is touched. Missing lanes are 0.
template <class T>
HWY_INLINE V load(const T* p, Part part) {
  T lanes[static_cast<size_t>(kLanes)] = {};
  std::memcpy(lanes, p, static_cast<size_t>(part.n) * sizeof(T));
  return load(lanes, Full());
}
template <class T>
HWY_INLINE void store(V value, T* p, Part part) {
  T lanes[static_cast<size_t>(kLanes)];
  store(value, lanes, Full());
  std::memcpy(p, lanes, static_cast<size_t>(part.n) * sizeof(T));
}

// An optional row: `otherwise` in all lanes where it is absent.
template <class T, class Extent>
HWY_INLINE V load_or(const T* p, int64_t i, Extent extent, V otherwise) {
  return p == nullptr ? otherwise : load(p + i, extent);
}

HWY_INLINE V keep(V value, Full) {
  return value;
}
HWY_INLINE V keep(V value, Part part) {
  return hn::IfThenElseZero(hn::FirstN(F32(), static_cast<size_t>(part.n)), value);
}

// Missing lanes become `other`.
HWY_INLINE V keep_or(V value, Full, V) {
  return value;
}
HWY_INLINE V keep_or(V value, Part part, V other) {
  return hn::IfThenElse(hn::FirstN(F32(), static_cast<size_t>(part.n)), value, other);
}

// body(i, extent) for every vector of [0, n); the extent of the last one may be a Part.
template <class Body>
HWY_INLINE void for_lanes(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, Full());
  if (i < n) body(i, Part{n - i});
}

HWY_INLINE float sum_of_lanes(V v) {
  return hn::GetLane(hn::SumOfLanes(F32(), v));
}
HWY_INLINE float max_of_lanes(V v) {
  return hn::GetLane(hn::MaxOfLanes(F32(), v));
}

// The sum over [0, n) of term(i, extent), in an order that depends on n alone.
template <class Term>
HWY_INLINE float sum_lanes(int64_t n, Term term) {
  V a = zeros(), b = zeros(), c = zeros(), d = zeros();
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    a = hn::Add(a, term(i, Full()));
    b = hn::Add(b, term(i + kLanes, Full()));
    c = hn::Add(c, term(i + 2 * kLanes, Full()));
    d = hn::Add(d, term(i + 3 * kLanes, Full()));
  }
  for (; i + kLanes <= n; i += kLanes) a = hn::Add(a, term(i, Full()));
  if (i < n) b = hn::Add(b, keep(term(i, Part{n - i}), Part{n - i}));
  return sum_of_lanes(hn::Add(hn::Add(a, b), hn::Add(c, d)));
}

struct TwoVectors {
  V first, second;
};
struct TwoSums {
  float first, second;
};

// Two sums in one pass over the row.
template <class Term>
HWY_INLINE TwoSums sum_lanes_twice(int64_t n, Term term) {
  V a = zeros(), b = zeros(), c = zeros(), d = zeros();
  int64_t i = 0;
  const auto add = [&](int64_t at, V& first, V& second, auto extent) WEFT_LANES {
    const TwoVectors terms = term(at, extent);
    first = hn::Add(first, keep(terms.first, extent));
    second = hn::Add(second, keep(terms.second, extent));
  };
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    add(i, a, b, Full());
    add(i + kLanes, c, d, Full());
  }
  for (; i + kLanes <= n; i += kLanes) add(i, a, b, Full());
  if (i < n) add(i, c, d, Part{n - i});
  return {sum_of_lanes(hn::Add(a, c)), sum_of_lanes(hn::Add(b, d))};
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_SIMD_LANES_INL_H
