// Box and Muller's method on lanes of doubles: the operations of weft/portable_math.h in the same
// order, without fused multiply-adds, so that every instruction set gives the same bits.
#include "kernels/random/normal.h"

#include <algorithm>

#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"
#include "weft/portable_math.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/random/normal_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/philox-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

using F64 = hn::ScalableTag<double>;
using U64 = hn::RebindToUnsigned<F64>;
using Int32OfDouble = hn::Rebind<int32_t, F64>;
using D = hn::Vec<F64>;
constexpr int64_t kDoubles = static_cast<int64_t>(hn::MaxLanes(F64()));
constexpr int64_t kCounters = 16;  // a block's
static_assert(kCounters % kLanes == 0 && kCounters % kDoubles == 0);

HWY_INLINE D set(double value) {
  return hn::Set(F64(), value);
}

template <size_t kTerms>
HWY_INLINE D series(const std::array<double, kTerms>& c, D x) {
  D sum = set(c[kTerms - 1]);
  for (size_t n = kTerms - 1; n-- > 0;) sum = hn::Add(hn::Mul(sum, x), set(c[n]));
  return sum;
}

// portable::log of (0, 1], in units of 2^-32: x is a whole number from 1 to 2^32.
HWY_INLINE D log_of_uniform(D x) {
  const U64 d64;
  constexpr uint64_t kRootHalf = uint64_t{0x3fe6a09e} << 32, kOne = uint64_t{0x3ff} << 52;
  const auto bits = hn::Add(hn::BitCast(d64, x), hn::Set(d64, kOne - kRootHalf));
  // An integer below 2^52, put into the mantissa of 2^52, is that many above it.
  const auto biased = hn::Or(hn::ShiftRight<52>(bits), hn::Set(d64, uint64_t{0x433} << 52));
  const D k = hn::Sub(hn::BitCast(F64(), biased), set(0x1p52 + 1023 + 32));
  const D m = hn::BitCast(
      F64(), hn::Add(hn::And(bits, hn::Set(d64, 0xfffffffffffffu)), hn::Set(d64, kRootHalf)));
  const D f = hn::Sub(m, set(1.0)), s = hn::Div(f, hn::Add(m, set(1.0)));
  const D square = hn::Mul(s, s);
  const D tail = hn::Sub(hn::Mul(square, series(portable::kLogSeries, square)), f);
  const D rest = hn::Add(hn::Mul(s, tail), hn::Mul(k, set(portable::kLog2Low)));
  return hn::Add(hn::Mul(k, set(portable::kLog2High)), hn::Add(f, rest));
}

struct Angle {
  D sin, cos;
};

// portable::sin_cos_of_turn of an angle given as a rest in units of 2^-32 turns, and quarters.
HWY_INLINE Angle rotate(D rest, D quarters) {
  const D r = hn::Mul(rest, set(portable::kTurn)), square = hn::Mul(r, r);
  const D s = hn::Add(r, hn::Mul(r, hn::Mul(square, series(portable::kSineSeries, square))));
  const D c = hn::Add(hn::Sub(set(1.0), hn::Mul(set(0.5), square)),
                      hn::Mul(hn::Mul(square, square), series(portable::kCosineSeries, square)));
  const auto swaps = hn::Eq(hn::Abs(hn::Sub(quarters, set(2.0))), set(1.0));
  const auto negative_sin = hn::Ge(quarters, set(2.0));
  const auto negative_cos = hn::Eq(hn::Abs(hn::Sub(quarters, set(1.5))), set(0.5));
  const D sin = hn::IfThenElse(swaps, c, s), cos = hn::IfThenElse(swaps, s, c);
  return {hn::IfThenElse(negative_sin, hn::Neg(sin), sin),
          hn::IfThenElse(negative_cos, hn::Neg(cos), cos)};
}

// Words of a block's counters, as Box and Muller's method wants them: integers of 32 bits.
struct BlockWords {
  int32_t lower[2][kCounters];  // the words of the radius, less 2^31
  int32_t rest[2][kCounters];
  int32_t quarters[2][kCounters];
};

HWY_INLINE void store_words(VU32 radius, VU32 angle, int pair, int64_t lane, BlockWords& words) {
  const auto put = [lane](VU32 v, int32_t* to)
                       WEFT_LANES { hn::StoreU(hn::BitCast(I32(), v), I32(), to + lane); };
  const VU32 quarters = hn::ShiftRight<30>(hn::Add(angle, hn::Set(U32(), 1u << 29)));
  put(hn::Xor(radius, hn::Set(U32(), 1u << 31)), words.lower[pair]);
  put(hn::Sub(angle, hn::ShiftLeft<30>(quarters)), words.rest[pair]);
  put(quarters, words.quarters[pair]);
}

HWY_INLINE D load_doubles(const int32_t* from) {
  return hn::PromoteTo(F64(), hn::LoadU(Int32OfDouble(), from));
}

// The 64 numbers of counters first to first + 15.
void normal_block(uint64_t key, uint64_t first, double deviation, float* out) {
  BlockWords words;
  for (int64_t lane = 0; lane < kCounters; lane += kLanes) {
    const PhiloxWords w = philox_lanes(key, first + static_cast<uint64_t>(lane), 0);
    store_words(w.w0, w.w1, 0, lane, words);
    store_words(w.w2, w.w3, 1, lane, words);
  }
  float numbers[4][kCounters];
  const hn::Rebind<float, F64> floats;
  const D deviation_v = set(deviation);
  for (int pair = 0; pair < 2; ++pair) {
    for (int64_t lane = 0; lane < kCounters; lane += kDoubles) {
      const D uniform = hn::Add(load_doubles(words.lower[pair] + lane), set(0x1p31 + 1));
      const D radius = hn::Sqrt(hn::Mul(set(-2.0), log_of_uniform(uniform)));
      const Angle angle =
          rotate(load_doubles(words.rest[pair] + lane), load_doubles(words.quarters[pair] + lane));
      const auto put = [&](D x, float* to) WEFT_LANES {
        const D number = hn::Mul(deviation_v, hn::Mul(radius, x));
        hn::StoreU(hn::DemoteTo(floats, number), floats, to + lane);
      };
      put(angle.cos, numbers[2 * pair]);
      put(angle.sin, numbers[2 * pair + 1]);
    }
  }
  for (int64_t c = 0; c < kCounters; ++c) {
    for (int64_t i = 0; i < 4; ++i) out[4 * c + i] = numbers[i][c];
  }
}

void fill_normal_block(const FillNormal& a, const ParallelFor& parallel) {
  constexpr int64_t kBlock = 4 * kCounters;
  static_assert(kTileElements % kBlock == 0);
  const Tiles tiles = element_tiles(a.N);
  parallel(tiles.count(), [&](int64_t tile, int) HWY_ATTR {
    float numbers[kBlock];
    for (int64_t at = tiles.begin(tile); at < tiles.end(tile); at += kBlock) {
      normal_block(a.key, static_cast<uint64_t>(at / 4), a.deviation, numbers);
      std::copy_n(numbers, std::min(kBlock, tiles.end(tile) - at), a.values_N + at);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(fill_normal_block);

void fill_normal(const FillNormal& args, const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(fill_normal_block)(args, parallel);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
