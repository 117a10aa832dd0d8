// Sums over the last axis, over rows, over everything, and their gradients. Elements are T (float
// or BFloat16), sums float; partial sums are made per tile of a fixed size and added in tile order.
#pragma once

#include <cstdint>

#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::kernels {

// y_N = scale * sum over C of x_NC. A mean has scale 1 / C.
template <class T>
struct SumLast {
  const T* x_NC = nullptr;
  float* y_N = nullptr;
  int64_t N = 0, C = 0;
  float scale = 1.0f;
};

void sum_last(const SumLast<float>& args, const ParallelFor& parallel);
void sum_last(const SumLast<BFloat16>& args, const ParallelFor& parallel);

// *y = scale * sum of all n elements; tiles are added in double.
template <class T>
struct SumAll {
  const T* x = nullptr;
  float* y = nullptr;
  double* workspace = nullptr;  // sum_all_workspace(n) bytes
  int64_t n = 0;
  float scale = 1.0f;
};

int64_t sum_all_workspace(int64_t n);
void sum_all(const SumAll<float>& args, const ParallelFor& parallel);
void sum_all(const SumAll<BFloat16>& args, const ParallelFor& parallel);

// out_C = sum over N of x_NC (the gradient of a bias), or += where *accumulate is not 0.
template <class T>
struct SumRows {
  const T* x_NC = nullptr;
  float* out_C = nullptr;
  const float* accumulate = nullptr;  // optional: 0
  float* workspace = nullptr;         // sum_rows_workspace(N, C) bytes
  int64_t N = 0, C = 0;
};

int64_t sum_rows_workspace(int64_t N, int64_t C);
void sum_rows(const SumRows<float>& args, const ParallelFor& parallel);
void sum_rows(const SumRows<BFloat16>& args, const ParallelFor& parallel);

// The last part of a sum over rows: adds R partial rows, `stride` apart, in order.
struct AddPartialSums {
  const float* partial_RC = nullptr;
  float* out_C = nullptr;
  const float* accumulate = nullptr;
  int64_t R = 0, C = 0, stride = 0;
};

void add_partial_sums(const AddPartialSums& args, const ParallelFor& parallel);

// y_NC = scale * g_N: the gradient of sum_last, and with N = 1 that of sum_all.
template <class T>
struct ExpandLast {
  const float* g_N = nullptr;
  T* y_NC = nullptr;
  int64_t N = 0, C = 0;
  float scale = 1.0f;
};

void expand_last(const ExpandLast<float>& args, const ParallelFor& parallel);
void expand_last(const ExpandLast<BFloat16>& args, const ParallelFor& parallel);

}  // namespace weft::kernels
