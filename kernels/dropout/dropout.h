// Dropout (Srivastava et al., 2014): y = x / (1 - p) with probability 1 - p, else 0. The gradient
// is the same function of dy, because the random numbers are a function of the element's place.
#pragma once

#include <cstdint>

#include "weft/dtype.h"
#include "weft/parallel_for.h"
#include "weft/philox.h"

namespace weft::kernels {

// Samples b in [0, B) of E elements each. An element's fate depends on (key, first_sample + b, its
// place in the sample) alone. NaN and infinity that are dropped become NaN rather than vanish.
template <class T>
struct Dropout {
  const T* x_BE = nullptr;
  T* y_BE = nullptr;  // may be x_BE
  int64_t B = 0, E = 0;
  float p = 0.0f;  // in [0, 1)
  uint64_t key = 0;
  uint64_t first_sample = 0;
};

void dropout(const Dropout<float>& args, const ParallelFor& parallel);
void dropout(const Dropout<BFloat16>& args, const ParallelFor& parallel);

// The random word that decides about element `place` of sample `sample`; it is dropped if
// uniform_from(word) < p. Of a block of 64 elements, element 16 w + c takes word w of counter c.
inline uint32_t dropout_word(uint64_t key, uint64_t sample, int64_t place) {
  const PhiloxBlock words =
      philox(key, static_cast<uint64_t>(place / 64 * 16 + place % 16), sample);
  return words[static_cast<size_t>(place % 64 / 16)];
}

}  // namespace weft::kernels
