// Conversion between floating-point types on the CPU. f16 is converted with integer and float
// arithmetic rather than the machine's instruction, so that all instruction sets give the same
// bits.
#include "kernels/cast/cast.h"

#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"
#include "weft/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cast/cast_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// The bits of an f16: 1 sign, 5 exponent, 10 mantissa.
struct Half {
  uint16_t bits = 0;
};

// Shifts exponent and mantissa into place as a number 2^112 too small, which one product mends,
// denormals included; infinity and NaN get the largest exponent back.
HWY_INLINE V load(const Half* p, Full) {
  const U32 du;
  const auto bits = hn::PromoteTo(du, hn::LoadU(U16(), reinterpret_cast<const uint16_t*>(p)));
  const auto size = hn::ShiftLeft<13>(hn::And(bits, hn::Set(du, 0x7fffu)));
  const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(du, 0x8000u)));
  const V value = hn::Mul(hn::BitCast(F32(), size), all(0x1p112f));
  const auto is_special = hn::Ge(value, all(65536.0f));
  const auto special = hn::Or(hn::BitCast(du, value), hn::Set(du, 0x7f800000u));
  return hn::BitCast(
      F32(), hn::Or(sign, hn::BitCast(
                              du, hn::IfThenElse(is_special, hn::BitCast(F32(), special), value))));
}

// Normal numbers: rebias the exponent and round on the bits. Denormals: adding 0.5 makes the float
// unit round at their last place.
HWY_INLINE void store(V value, Half* p, Full) {
  const U32 du;
  const auto bits = hn::BitCast(du, value);
  const V size = hn::Abs(value);
  const auto size_bits = hn::BitCast(du, size);
  const auto odd = hn::And(hn::ShiftRight<13>(size_bits), hn::Set(du, 1u));
  const auto rebias = hn::Set(du, 0xc8000fffu);  // -(112 << 23) + 0xfff
  const auto normal = hn::ShiftRight<13>(hn::Add(hn::Add(size_bits, rebias), odd));
  const auto denormal =
      hn::Sub(hn::BitCast(du, hn::Add(size, all(0.5f))), hn::Set(du, 0x3f000000u));
  const auto choose = [&](auto condition, auto yes, auto no) HWY_ATTR {
    return hn::IfThenElse(hn::RebindMask(du, condition), yes, no);
  };
  auto half = choose(hn::Lt(size, all(0x1p-14f)), denormal, normal);
  half = choose(hn::Ge(size, all(65520.0f)), hn::Set(du, 0x7c00u), half);
  half = choose(hn::Eq(size, size), half, hn::Set(du, 0x7e00u));
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 0x8000u));
  hn::StoreU(hn::TruncateTo(U16(), hn::Or(half, sign)), U16(), reinterpret_cast<uint16_t*>(p));
}

template <class From, class To>
void convert(const Cast& c, const ParallelFor& parallel) {
  const auto* x = static_cast<const From*>(c.x);
  auto* y = static_cast<To*>(c.y);
  const Tiles tiles = element_tiles(c.n);
  parallel(tiles.count(), [&](int64_t tile, int) HWY_ATTR {
    const int64_t begin = tiles.begin(tile);
    for_lanes(tiles.end(tile) - begin, [&](int64_t i, auto e) WEFT_LANES {
      store(load(x + begin + i, e), y + begin + i, e);
    });
  });
}

template <class From>
void convert_from(const Cast& c, const ParallelFor& parallel) {
  switch (c.to) {
    case DType::kF32: return convert<From, float>(c, parallel);
    case DType::kBF16: return convert<From, BFloat16>(c, parallel);
    case DType::kF16: return convert<From, Half>(c, parallel);
    default: WEFT_ASSERT(false);
  }
}

void cast_any(const Cast& c, const ParallelFor& parallel) {
  switch (c.from) {
    case DType::kF32: return convert_from<float>(c, parallel);
    case DType::kBF16: return convert_from<BFloat16>(c, parallel);
    case DType::kF16: return convert_from<Half>(c, parallel);
    default: WEFT_ASSERT(false);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(cast_any);
void cast(const Cast& args, const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(cast_any)(args, parallel);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
