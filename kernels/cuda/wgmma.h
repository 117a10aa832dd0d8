// Tensor-core products of a warp group (wgmma, sm_90): 64 rows of sums in the registers of 128
// threads, A from shared memory or registers, B from shared memory, 16 of k at a time. They run
// beside the threads: a product is issued, committed in a group, and waited for; until then its
// sums and its tiles are left alone. PTX ISA, "Asynchronous Warpgroup Level Matrix Instructions".
//
//   wgmma_fence(sums);                       // what registers hold, the products may see
//   multiply<...>(sums, a, b, accumulate);   // any number of them
//   commit_products();
//   wait_for_products<0>(sums);
#pragma once

#include "kernels/cuda/base.h"
#include "kernels/cuda/matrix_tile.h"
#include "kernels/cuda/mma.h"

#if !defined(__CUDACC__)
#include "kernels/emulator/warp_groups.h"
#endif

namespace weft::cuda {

// 64 x kN sums of a warp group: block j, element v of a thread is FragmentC's v of 8 columns from
// 8 j on, in the 16 rows of the thread's warp (fragment_row, fragment_column).
template <int kN>
struct Accumulator {
  static_assert(kN % 8 == 0 && kN <= 256);
  static constexpr int kBlocks = kN / 8;
  float sums[kN / 2];
#if !defined(__CUDACC__)
  emulator::AccumulatorMark mark;
#endif

  WEFT_DEVICE float& operator()(int block, int v, [[maybe_unused]] Site site = Site()) {
#if !defined(__CUDACC__)
    mark.access(site);
#endif
    return sums[4 * block + v];
  }
};

#if defined(__CUDACC__)
// The compiler moves no access to the sums across this.
template <int kN>
__device__ __forceinline__ void pin(Accumulator<kN>& sums) {
  WEFT_UNROLL
  for (int i = 0; i < kN / 2; ++i) asm volatile("" : "+f"(sums.sums[i])::"memory");
}
#endif

// Orders the thread's accesses to these sums before the products that follow (wgmma.fence).
template <int... kN>
WEFT_DEVICE void wgmma_fence(Accumulator<kN>&... sums) {
#if defined(__CUDACC__)
  (pin(sums), ...);
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#else
  ((sums.mark.touched = false), ...);
#endif
}

// The products since the last call become a group.
WEFT_DEVICE void commit_products() {
#if defined(__CUDACC__)
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#else
  emulator::wgmma_commit();
#endif
}

// Until all but the kPending newest groups are done; of which these are the sums.
template <int kPending, int... kN>
WEFT_DEVICE void wait_for_products(Accumulator<kN>&... sums) {
#if defined(__CUDACC__)
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
  (pin(sums), ...);
#else
  ((void)sums, ...);
  emulator::wgmma_wait(kPending);
#endif
}

#if defined(__CUDACC__)
// The instruction's text: an accumulator of kN columns is kN / 2 operands, "%0" and on. Ten at a
// time by their first digits.
#define WEFT_TEN(t) \
  "%" #t "0,%" #t "1,%" #t "2,%" #t "3,%" #t "4,%" #t "5,%" #t "6,%" #t "7,%" #t "8,%" #t "9"
#define WEFT_FIRST_TEN "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9"
#define WEFT_NAMES_32 WEFT_FIRST_TEN "," WEFT_TEN(1) "," WEFT_TEN(2) ",%30,%31"
#define WEFT_NAMES_48 \
  WEFT_FIRST_TEN "," WEFT_TEN(1) "," WEFT_TEN(2) "," WEFT_TEN(3) ",%40,%41,%42,%43,%44,%45,%46,%" \
                                                                 "47"
#define WEFT_NAMES_64                                                                          \
  WEFT_FIRST_TEN "," WEFT_TEN(1) "," WEFT_TEN(2) "," WEFT_TEN(3) "," WEFT_TEN(4) "," WEFT_TEN( \
      5) ",%60,%61,%62,%63"
#define WEFT_NAMES_128 \
  WEFT_FIRST_TEN "," WEFT_TEN(1) "," WEFT_TEN(2) "," WEFT_TEN(3) "," WEFT_TEN(4) "," WEFT_TEN(5)   \
  "," WEFT_TEN(6) "," WEFT_TEN(7) "," WEFT_TEN(8) "," WEFT_TEN(9) "," WEFT_TEN(10) "," WEFT_TEN(11) \
  ",%120,%121,%122,%123,%124,%125,%126,%127"
#define WEFT_SUMS_8(i)                                                                        \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), \
      "+f"(d[i + 6]), "+f"(d[i + 7])
#define WEFT_SUMS_32(i) WEFT_SUMS_8(i), WEFT_SUMS_8(i + 8), WEFT_SUMS_8(i + 16), WEFT_SUMS_8(i + 24)
#define WEFT_SUMS_OF_32 WEFT_SUMS_32(0)
#define WEFT_SUMS_OF_48 WEFT_SUMS_32(0), WEFT_SUMS_8(32), WEFT_SUMS_8(40)
#define WEFT_SUMS_OF_64 WEFT_SUMS_32(0), WEFT_SUMS_32(32)
#define WEFT_SUMS_OF_128 WEFT_SUMS_32(0), WEFT_SUMS_32(32), WEFT_SUMS_32(64), WEFT_SUMS_32(96)

// Up to the sums; operand `add` tells whether what they held counts.
#define WEFT_PRODUCT(n, half, add)        \
  "{ .reg .pred p; setp.ne.b32 p, %" #add \
  ", 0;\n"                                \
  "wgmma.mma_async.sync.aligned.m64n" #n "k16.f32.bf16.bf16 {" WEFT_NAMES_##half "}, "
#define WEFT_TILES "l"(a), "l"(b), "r"(add), "n"(int{kTransA}), "n"(int{kTransB})
#define WEFT_REGISTERS \
  "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add), "n"(int{kTransB})

template <bool kTransA, bool kTransB>
__device__ __forceinline__ void wgmma(float (&d)[32], uint64_t a, uint64_t b, int add) {
  asm volatile(WEFT_PRODUCT(64, 32, 34) "%32, %33, p, 1, 1, %35, %36; }"
               : WEFT_SUMS_OF_32
               : WEFT_TILES);
}
template <bool kTransB>
__device__ __forceinline__ void wgmma(float (&d)[32], const uint32_t (&a)[4], uint64_t b, int add) {
  asm volatile(WEFT_PRODUCT(64, 32, 37) "{%32, %33, %34, %35}, %36, p, 1, 1, %38; }"
               : WEFT_SUMS_OF_32
               : WEFT_REGISTERS);
}

template <bool kTransA, bool kTransB>
__device__ __forceinline__ void wgmma(float (&d)[48], uint64_t a, uint64_t b, int add) {
  asm volatile(WEFT_PRODUCT(96, 48, 50) "%48, %49, p, 1, 1, %51, %52; }"
               : WEFT_SUMS_OF_48
               : WEFT_TILES);
}
template <bool kTransB>
__device__ __forceinline__ void wgmma(float (&d)[48], const uint32_t (&a)[4], uint64_t b, int add) {
  asm volatile(WEFT_PRODUCT(96, 48, 53) "{%48, %49, %50, %51}, %52, p, 1, 1, %54; }"
               : WEFT_SUMS_OF_48
               : WEFT_REGISTERS);
}

template <bool kTransA, bool kTransB>
__device__ __forceinline__ void wgmma(float (&d)[64], uint64_t a, uint64_t b, int add) {
  asm volatile(WEFT_PRODUCT(128, 64, 66) "%64, %65, p, 1, 1, %67, %68; }"
               : WEFT_SUMS_OF_64
               : WEFT_TILES);
}
template <bool kTransB>
__device__ __forceinline__ void wgmma(float (&d)[64], const uint32_t (&a)[4], uint64_t b, int add) {
  asm volatile(WEFT_PRODUCT(128, 64, 69) "{%64, %65, %66, %67}, %68, p, 1, 1, %70; }"
               : WEFT_SUMS_OF_64
               : WEFT_REGISTERS);
}

template <bool kTransA, bool kTransB>
__device__ __forceinline__ void wgmma(float (&d)[128], uint64_t a, uint64_t b, int add) {
  asm volatile(WEFT_PRODUCT(256, 128, 130) "%128, %129, p, 1, 1, %131, %132; }"
               : WEFT_SUMS_OF_128
               : WEFT_TILES);
}
template <bool kTransB>
__device__ __forceinline__ void wgmma(float (&d)[128], const uint32_t (&a)[4], uint64_t b,
                                      int add) {
  asm volatile(WEFT_PRODUCT(256, 128, 133) "{%128, %129, %130, %131}, %132, p, 1, 1, %134; }"
               : WEFT_SUMS_OF_128
               : WEFT_REGISTERS);
}

#undef WEFT_REGISTERS
#undef WEFT_TILES
#undef WEFT_PRODUCT
#undef WEFT_SUMS_OF_128
#undef WEFT_SUMS_OF_64
#undef WEFT_SUMS_OF_48
#undef WEFT_SUMS_OF_32
#undef WEFT_SUMS_32
#undef WEFT_SUMS_8
#undef WEFT_NAMES_128
#undef WEFT_NAMES_64
#undef WEFT_NAMES_48
#undef WEFT_NAMES_32
#undef WEFT_FIRST_TEN
#undef WEFT_TEN
#endif

// sums (+)= A B, of 64 x 16 and 16 x kN in shared memory; with `accumulate` false what the sums
// held does not count. By all threads of the warp group, with the same descriptors.
template <Major kMajorA, Major kMajorB, int kN>
WEFT_DEVICE void multiply(Accumulator<kN>& sums, MatrixDescriptor a, MatrixDescriptor b,
                          bool accumulate = true, [[maybe_unused]] Site site = Site()) {
  constexpr bool kTransA = kMajorA == Major::kMN, kTransB = kMajorB == Major::kMN;
#if defined(__CUDACC__)
  wgmma<kTransA, kTransB>(sums.sums, a.bits, b.bits, accumulate ? 1 : 0);
#else
  emulator::wgmma(
      {kN, sums.sums, &sums.mark, nullptr, a.bits, b.bits, kTransA, kTransB, accumulate, site});
#endif
}

// The same with A in registers: each warp's 16 rows as FragmentA.
template <Major kMajorB, int kN>
WEFT_DEVICE void multiply(Accumulator<kN>& sums, const FragmentA& a, MatrixDescriptor b,
                          bool accumulate = true, [[maybe_unused]] Site site = Site()) {
  constexpr bool kTransB = kMajorB == Major::kMN;
#if defined(__CUDACC__)
  wgmma<kTransB>(sums.sums, a.r, b.bits, accumulate ? 1 : 0);
#else
  emulator::wgmma({kN, sums.sums, &sums.mark, a.r, 0, b.bits, false, kTransB, accumulate, site});
#endif
}

}  // namespace weft::cuda
