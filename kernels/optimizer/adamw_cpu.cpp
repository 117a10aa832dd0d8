// AdamW on the CPU; adamw.h has the formula.
#include "kernels/optimizer/adamw.h"

#include <algorithm>
#include <cmath>

#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"
#include "weft/portable_math.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimizer/adamw_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

struct AdamWFactors {
  float clip, beta1, beta2, rate, inverse_root2, eps;
};

HWY_INLINE AdamWFactors adamw_factors(const AdamW& a) {
  const double t = static_cast<double>(*a.scalars.step);
  const double rate = static_cast<double>(*a.scalars.learning_rate);
  return {.clip = *a.scalars.clip,
          .beta1 = static_cast<float>(a.beta1),
          .beta2 = static_cast<float>(a.beta2),
          .rate = static_cast<float>(rate / (1 - portable::pow(a.beta1, t))),
          .inverse_root2 = static_cast<float>(1 / std::sqrt(1 - portable::pow(a.beta2, t))),
          .eps = static_cast<float>(a.eps)};
}

// Elements [begin, end), which all keep the part `kept` of their value.
HWY_INLINE void adamw_span(const AdamW& a, const AdamWFactors& f, float kept, int64_t begin,
                           int64_t end) {
  const V one_minus1 = all(static_cast<float>(1 - a.beta1));
  const V one_minus2 = all(static_cast<float>(1 - a.beta2));
  for_lanes(end - begin, [&](int64_t i, auto e) WEFT_LANES {
    const int64_t at = begin + i;
    const V g = hn::Mul(load(a.gradients_N + at, e), all(f.clip));
    const V m = hn::MulAdd(all(f.beta1), load(a.moment1_N + at, e), hn::Mul(one_minus1, g));
    const V v =
        hn::MulAdd(all(f.beta2), load(a.moment2_N + at, e), hn::Mul(one_minus2, hn::Mul(g, g)));
    const V denominator = hn::MulAdd(hn::Sqrt(v), all(f.inverse_root2), all(f.eps));
    const V step = hn::Div(hn::Mul(all(f.rate), m), denominator);
    const V p = hn::Sub(hn::Mul(all(kept), load(a.parameters_N + at, e)), step);
    store(m, a.moment1_N + at, e);
    store(v, a.moment2_N + at, e);
    store(p, a.parameters_N + at, e);
    if (a.copy_N != nullptr) store(p, a.copy_N + at, e);
  });
}

void adamw_block(const AdamW& a, const ParallelFor& parallel) {
  if (*a.scalars.apply == 0.0f) return;
  const AdamWFactors f = adamw_factors(a);
  const double rate = static_cast<double>(*a.scalars.learning_rate);
  const float decayed = static_cast<float>(1 - rate * a.weight_decay);
  const Tiles tiles = element_tiles(a.N);
  parallel(tiles.count(), [&](int64_t tile, int) HWY_ATTR {
    const int64_t begin = tiles.begin(tile), end = tiles.end(tile);
    const int64_t border = std::clamp(a.decayed, begin, end);
    adamw_span(a, f, decayed, begin, border);
    adamw_span(a, f, 1.0f, border, end);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(adamw_block);

void adamw(const AdamW& args, const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(adamw_block)(args, parallel);
}

}  // namespace weft::kernels
#endif
