// How kernels that treat every element alone walk over memory: a thread takes one vector of up to
// 16 bytes, the last thread what is left. For .cu files.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/number.h"

namespace weft::kernels {

// 256 threads: 8 blocks fill a multiprocessor, and a block's tail is short.
inline constexpr unsigned kElementThreads = 256;

// Place of the calling thread's first element.
template <int kWidth>
WEFT_DEVICE int64_t first_element() {
  return (static_cast<int64_t>(cuda::block_index().x) * cuda::thread_count() +
          cuda::thread_index()) *
         kWidth;
}

// Elements i to i + kWidth of n; those from n on are zero and are not read.
template <int kWidth, class T>
WEFT_DEVICE cuda::Vector<T, kWidth> load_some(const T* p, int64_t i, int64_t n) {
  if (i + kWidth <= n) return cuda::load_vector<kWidth>(p + i);
  cuda::Vector<T, kWidth> v{};
  for (int k = 0; k < kWidth; ++k)
    if (i + k < n) v[k] = cuda::load(p + i + k);
  return v;
}

template <int kWidth, class T>
WEFT_DEVICE void store_some(T* p, int64_t i, int64_t n, const cuda::Vector<T, kWidth>& v) {
  if (i + kWidth <= n) return cuda::store_vector(p + i, v);
  for (int k = 0; k < kWidth; ++k)
    if (i + k < n) cuda::store(p + i + k, v[k]);
}

// Blocks for n elements, kWidth a thread.
inline cuda::Launch over_elements(int64_t n, int width, const char* name) {
  const int64_t block = int64_t{kElementThreads} * width;
  return {.grid = {static_cast<unsigned>((n + block - 1) / block)},
          .threads = kElementThreads,
          .name = name};
}

inline bool aligned(std::initializer_list<const void*> pointers) {
  for (const void* p : pointers)
    if (reinterpret_cast<uintptr_t>(p) % cuda::kVectorBytes != 0) return false;
  return true;
}

// Calls run(integral_constant<int, W>): W elements of the widest type at once where all pointers
// are aligned for it, else one.
template <class Widest, class Run>
void with_width(std::initializer_list<const void*> pointers, const Run& run) {
  if (aligned(pointers)) return run(std::integral_constant<int, cuda::kVectorOf<Widest>>());
  run(std::integral_constant<int, 1>());
}

}  // namespace weft::kernels
