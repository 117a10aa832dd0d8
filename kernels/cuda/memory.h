// Access to global and shared memory. A kernel touches memory through load and store alone (and the
// copies of async_copies.h, the matrices of mma.h): on a GPU they are the plain access, on the host
// each is checked for bounds, alignment and races first.
#pragma once

#include <type_traits>

#include "kernels/cuda/base.h"

namespace weft::cuda {

// N elements that are read and written at once, at an address that is a multiple of their size.
template <class T, int N>
struct alignas(sizeof(T) * N) Vector {
  T v[N];

  WEFT_DEVICE T& operator[](int i) { return v[i]; }
  WEFT_DEVICE const T& operator[](int i) const { return v[i]; }
};

// The widest access there is, in elements.
inline constexpr int kVectorBytes = 16;
template <class T>
inline constexpr int kVectorOf = kVectorBytes / static_cast<int>(sizeof(T));

template <class T>
WEFT_DEVICE T load(const T* p, [[maybe_unused]] Site site = Site()) {
#if !defined(__CUDACC__)
  emulator::note_access(p, sizeof(T), emulator::Access::kRead, site);
#endif
  return *p;
}

template <class T>
WEFT_DEVICE void store(T* p, const std::type_identity_t<T>& value,
                       [[maybe_unused]] Site site = Site()) {
#if !defined(__CUDACC__)
  emulator::note_access(p, sizeof(T), emulator::Access::kWrite, site);
#endif
  *p = value;
}

template <int N, class T>
WEFT_DEVICE Vector<T, N> load_vector(const T* p, Site site = Site()) {
  return load(reinterpret_cast<const Vector<T, N>*>(p), site);
}

template <class T, int N>
WEFT_DEVICE void store_vector(T* p, const Vector<T, N>& value, Site site = Site()) {
  store(reinterpret_cast<Vector<T, N>*>(p), value, site);
}

// Whether vectors of N elements may be read at p and at every multiple of `stride` elements after.
template <int N, class T>
constexpr bool vectors_fit(const T* p, int64_t stride) {
  return reinterpret_cast<uintptr_t>(p) % (sizeof(T) * N) == 0 && stride % N == 0;
}

// The block's shared memory as one struct of the kernel's; the launch gives at least its size.
template <class S>
WEFT_DEVICE S& shared_memory([[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  extern __shared__ __align__(1024) unsigned char shared_bytes_of_block[];
  return *reinterpret_cast<S*>(shared_bytes_of_block);
#else
  return *static_cast<S*>(emulator::shared_memory(sizeof(S), site));
#endif
}

// The same where sizes are known at run time only: elements from `offset` bytes on.
template <class T>
WEFT_DEVICE T* shared_array(size_t offset, [[maybe_unused]] Site site = Site()) {
#if defined(__CUDACC__)
  extern __shared__ __align__(1024) unsigned char shared_bytes_of_block[];
  return reinterpret_cast<T*>(shared_bytes_of_block + offset);
#else
  return reinterpret_cast<T*>(static_cast<unsigned char*>(emulator::shared_memory(offset, site)) +
                              offset);
#endif
}

}  // namespace weft::cuda
