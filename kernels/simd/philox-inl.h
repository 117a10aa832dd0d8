// Philox4x32-10 on lanes: the numbers of weft/philox.h for as many counters at a time as there are
// lanes.
#if defined(WEFT_KERNELS_SIMD_PHILOX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_SIMD_PHILOX_INL_H_
#undef WEFT_KERNELS_SIMD_PHILOX_INL_H_
#else
#define WEFT_KERNELS_SIMD_PHILOX_INL_H_
#endif

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

using VU32 = hn::Vec<U32>;

struct PhiloxWords {
  VU32 w0, w1, w2, w3;
};

struct WideProduct {
  VU32 low, high;
};

// 32 x 32 -> 64 bits in every lane.
HWY_INLINE WideProduct multiply_wide(VU32 a, uint32_t factor) {
#if HWY_TARGET == HWY_SCALAR
  const uint64_t product = static_cast<uint64_t>(hn::GetLane(a)) * factor;
  return {hn::Set(U32(), static_cast<uint32_t>(product)),
          hn::Set(U32(), static_cast<uint32_t>(product >> 32))};
#else
  const hn::RepartitionToWide<U32> d64;
  const VU32 b = hn::Set(U32(), factor);
  const auto even = hn::MulEven(a, b);
  const auto odd = hn::MulEven(hn::BitCast(U32(), hn::ShiftRight<32>(hn::BitCast(d64, a))), b);
  return {hn::OddEven(hn::BitCast(U32(), hn::ShiftLeft<32>(odd)), hn::BitCast(U32(), even)),
          hn::OddEven(hn::BitCast(U32(), odd), hn::BitCast(U32(), hn::ShiftRight<32>(even)))};
#endif
}

// Blocks for the counters (first + lane) + 2^64 high; first + lane must not overflow 32 bits beyond
// `first`'s lower word.
HWY_INLINE PhiloxWords philox_lanes(uint64_t key, uint64_t first, uint64_t high) {
  const auto word = [](uint64_t value) { return hn::Set(U32(), static_cast<uint32_t>(value)); };
  PhiloxWords c{hn::Add(word(first), hn::Iota(U32(), 0)), word(first >> 32), word(high),
                word(high >> 32)};
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const WideProduct p0 = multiply_wide(c.w0, 0xD2511F53u), p1 = multiply_wide(c.w2, 0xCD9E8D57u);
    c = {hn::Xor(hn::Xor(p1.high, c.w1), word(k0)), p1.low,
         hn::Xor(hn::Xor(p0.high, c.w3), word(k1)), p0.low};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

// Uniform in [0, 1) with 24 bits, as uniform_from.
HWY_INLINE V uniform_lanes(VU32 words) {
  const auto bits = hn::BitCast(I32(), hn::ShiftRight<8>(words));
  return hn::Mul(hn::ConvertTo(F32(), bits), all(0x1p-24f));
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#endif  // WEFT_KERNELS_SIMD_PHILOX_INL_H_
