// Dropout on a GPU: the bits of dropout.h's function. The random numbers' key is made on the device
// of what changes from step to step, so that a captured graph serves every step. Nothing waits.
#pragma once

#include "kernels/cuda/launch.h"
#include "kernels/dropout/dropout.h"

namespace weft::kernels {

template <class T>
struct DropoutOnDevice {
  const T* x_BE = nullptr;
  T* y_BE = nullptr;  // may be x_BE
  int64_t B = 0, E = 0;
  float p = 0.0f;
  const int64_t* rng = nullptr;  // 3: seed, step, the global index of sample 0
  uint64_t place = 0;            // in the model
};

// As dropout() with the key that Philox makes of seed, place and step (ops/random_state.h).
void dropout(cuda::Stream stream, const DropoutOnDevice<float>& args);
void dropout(cuda::Stream stream, const DropoutOnDevice<BFloat16>& args);

}  // namespace weft::kernels
