// Sums and products element by element. Elements are T (float or BFloat16), arithmetic in float; a
// factor that is known before the first step is a number, one that changes from step to step a
// pointer to one float. Outputs may be any of the inputs.
#pragma once

#include <cstdint>

#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::kernels {

// y = a + b, or y = a * b.
template <class T>
struct Binary {
  const T* a = nullptr;
  const T* b = nullptr;
  T* y = nullptr;
  int64_t n = 0;
};

void add(const Binary<float>& args, const ParallelFor& parallel);
void add(const Binary<BFloat16>& args, const ParallelFor& parallel);
void multiply(const Binary<float>& args, const ParallelFor& parallel);
void multiply(const Binary<BFloat16>& args, const ParallelFor& parallel);

// y = factor * *scalar * x
template <class T>
struct Scale {
  const T* x = nullptr;
  T* y = nullptr;
  int64_t n = 0;
  float factor = 1.0f;
  const float* scalar = nullptr;  // optional: 1
};

void scale(const Scale<float>& args, const ParallelFor& parallel);
void scale(const Scale<BFloat16>& args, const ParallelFor& parallel);

// sum = x, or sum += x where *accumulate is not 0. The sum is float whatever x is.
template <class T>
struct Accumulate {
  const T* x = nullptr;
  float* sum = nullptr;
  const float* accumulate = nullptr;  // optional: 0
  int64_t n = 0;
};

void accumulate(const Accumulate<float>& args, const ParallelFor& parallel);
void accumulate(const Accumulate<BFloat16>& args, const ParallelFor& parallel);

// y_NC = x_NC + row_C in every row: a bias, or positions.
template <class T>
struct AddRow {
  const T* x_NC = nullptr;
  const T* row_C = nullptr;
  T* y_NC = nullptr;
  int64_t N = 0, C = 0;
};

void add_row(const AddRow<float>& args, const ParallelFor& parallel);
void add_row(const AddRow<BFloat16>& args, const ParallelFor& parallel);

}  // namespace weft::kernels
