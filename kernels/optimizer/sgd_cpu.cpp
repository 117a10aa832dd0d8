// SGD on the CPU; sgd.h has the formula.
#include "kernels/optimizer/sgd.h"

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimizer/sgd_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

void sgd_span(const Sgd& s, float weight_decay, int64_t begin, int64_t end) {
  const V clip = all(*s.scalars.clip), rate = all(*s.scalars.learning_rate);
  const V momentum = all(static_cast<float>(s.momentum)), decay = all(weight_decay);
  for_lanes(end - begin, [&](int64_t i, auto e) WEFT_LANES {
    const int64_t at = begin + i;
    const V p = load(s.parameters_N + at, e);
    const V g = hn::MulAdd(load(s.gradients_N + at, e), clip, hn::Mul(decay, p));
    V step = g;
    if (s.velocity_N != nullptr) {
      const V velocity = hn::MulAdd(momentum, load(s.velocity_N + at, e), g);
      store(velocity, s.velocity_N + at, e);
      step = s.nesterov ? hn::MulAdd(momentum, velocity, g) : velocity;
    }
    const V updated = hn::NegMulAdd(rate, step, p);
    store(updated, s.parameters_N + at, e);
    if (s.copy_N != nullptr) store(updated, s.copy_N + at, e);
  });
}

void sgd_block(const Sgd& s, const ParallelFor& parallel) {
  if (*s.scalars.apply == 0.0f) return;
  for_decay_spans(s.N, s.decayed, parallel, [&](int64_t begin, int64_t end, bool decays) {
    sgd_span(s, decays ? static_cast<float>(s.weight_decay) : 0.0f, begin, end);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(sgd_block);

void sgd(const Sgd& args, const ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(sgd_block)(args, parallel);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
