// Tensor-core products of one warp, and the loads that feed them (sm_80): mma.sync m16n8k16 of
// bfloat16 with sums in float, and ldmatrix. What each lane holds (g = lane / 4, t = lane % 4):
//   A 16 x 16   r[0], r[1], r[2], r[3]: rows g, g + 8, g, g + 8; columns 2t, 2t + 1 (+ 8 in 2 and
//   3) B 16 x 8    r[0], r[1]: rows 2t, 2t + 1 (+ 8), column g C 16 x 8    v[0], v[1]: row g,
//   columns 2t, 2t + 1; v[2], v[3]: row g + 8
// PTX ISA, "Matrix Fragments for mma.m16n8k16" and "ldmatrix".
#pragma once

#include "kernels/cuda/base.h"
#include "kernels/cuda/memory.h"
#include "weft/dtype.h"

#if !defined(__CUDACC__)
#include "kernels/emulator/mma.h"
#endif

namespace weft::cuda {

struct FragmentA {
  uint32_t r[4];
};
struct FragmentB {
  uint32_t r[2];
};
struct FragmentC {
  float v[4];
};

// c += a b.
WEFT_DEVICE void mma(FragmentC& c, const FragmentA& a, const FragmentB& b,
                     [[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c.v[0]), "+f"(c.v[1]), "+f"(c.v[2]), "+f"(c.v[3])
      : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]));
#else
  emulator::mma(c.v, a.r, b.r, site);
#endif
}

// Four 8 x 8 matrices of shared memory: lanes 8 i to 8 i + 7 point to the rows of matrix i, 16
// bytes each; lane l gets row l / 4, columns 2 (l % 4) and the next, of each. Transposed: column
// l / 4 instead.
template <bool kTransposed>
WEFT_DEVICE Vector<uint32_t, 4> load_matrices(const BFloat16* row,
                                              [[maybe_unused]] Site site = Site()) {
  Vector<uint32_t, 4> m;
#if defined(__CUDACC__)
  const auto at = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  if constexpr (kTransposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
                 : "r"(at)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
                 : "r"(at)
                 : "memory");
  }
#else
  const auto mine = load_vector<8>(row, site);  // the lane that names a row reads it
  emulator::exchange_matrices(mine.v, m.v, kTransposed, site);
#endif
  return m;
}

}  // namespace weft::cuda
