// Lion on the CPU; lion.h has the formula.
#include "kernels/optimizer/lion.h"

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimizer/lion_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// 1, -1, or x itself where it is 0 or NaN.
HWY_INLINE V sign_lanes(V x) {
  const V negative = hn::IfThenElse(hn::Lt(x, zeros()), all(-1.0f), x);
  return hn::IfThenElse(hn::Gt(x, zeros()), all(1.0f), negative);
}

void lion_span(const Lion& l, float kept, int64_t begin, int64_t end) {
  const V clip = all(*l.scalars.clip), rate = all(*l.scalars.learning_rate);
  const V beta1 = all(static_cast<float>(l.beta1)), beta2 = all(static_cast<float>(l.beta2));
  const V rest1 = all(static_cast<float>(1 - l.beta1)),
          rest2 = all(static_cast<float>(1 - l.beta2));
  for_lanes(end - begin, [&](int64_t i, auto e) WEFT_LANES {
    const int64_t at = begin + i;
    const V g = hn::Mul(load(l.gradients_N + at, e), clip), m = load(l.moment_N + at, e);
    const V direction = sign_lanes(hn::MulAdd(beta1, m, hn::Mul(rest1, g)));
    const V p = hn::NegMulAdd(rate, direction, hn::Mul(all(kept), load(l.parameters_N + at, e)));
    store(p, l.parameters_N + at, e);
    store(hn::MulAdd(beta2, m, hn::Mul(rest2, g)), l.moment_N + at, e);
    if (l.copy_N != nullptr) store(p, l.copy_N + at, e);
  });
}

void lion_block(const Lion& l, const ParallelFor& parallel) {
  if (*l.scalars.apply == 0.0f) return;
  const double rate = static_cast<double>(*l.scalars.learning_rate);
  const float kept = static_cast<float>(1 - rate * l.weight_decay);
  for_decay_spans(l.N, l.decayed, parallel, [&](int64_t begin, int64_t end, bool decays) {
    lion_span(l, decays ? kept : 1.0f, begin, end);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(lion_block);

void lion(const Lion& args, const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(lion_block)(args, parallel);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
