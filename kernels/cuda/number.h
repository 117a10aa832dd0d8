// Numbers of 16 bits in registers, and the fast functions of a GPU. Conversions round to nearest,
// ties to even, as weft/dtype.h does, and so do those of the host.
#pragma once

#include <cmath>

#include "kernels/cuda/base.h"
#include "weft/dtype.h"

#if !defined(__CUDACC__)
#include "kernels/emulator/math.h"
#endif

namespace weft::cuda {

WEFT_DEVICE float to_float(float x) {
  return x;
}
WEFT_DEVICE float to_float(BFloat16 x) {
  return static_cast<float>(x);
}

WEFT_DEVICE BFloat16 to_bfloat16(float x) {
#if defined(__CUDACC__)
  unsigned short bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return BFloat16::from_bits(bits);
#else
  return BFloat16(x);
#endif
}

template <class T>
WEFT_DEVICE T from_float(float x) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    return to_bfloat16(x);
  }
}

// Two bfloat16 in one register, as mma.sync takes them: `low` in the lower half.
WEFT_DEVICE uint32_t pack_bfloat16(float low, float high) {
#if defined(__CUDACC__)
  uint32_t both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
#else
  return static_cast<uint32_t>(BFloat16(high).bits) << 16 | BFloat16(low).bits;
#endif
}

// 2^x with a relative error of 2^-22; 0 where the result would be denormal (ex2.approx.ftz, PTX ISA
// 9.7.3.21).
WEFT_DEVICE float fast_exp2(float x) {
#if defined(__CUDACC__)
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return emulator::exp2(x);
#endif
}

// log2(x) with an absolute error of 2^-22 around 1, a relative one elsewhere (lg2.approx.ftz, PTX
// ISA 9.7.3.20).
WEFT_DEVICE float fast_log2(float x) {
#if defined(__CUDACC__)
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return emulator::log2(x);
#endif
}

WEFT_DEVICE float error_function(float x) {
#if defined(__CUDACC__)
  return erff(x);
#else
  return emulator::error_function(x);
#endif
}

// 1 / sqrt(x), correctly rounded twice: the same bits on the host.
WEFT_DEVICE float reciprocal_root(float x) {
#if defined(__CUDACC__)
  return __frcp_rn(__fsqrt_rn(x));
#else
  return 1.0f / std::sqrt(x);
#endif
}

}  // namespace weft::cuda
