// How operators that draw random numbers get theirs from the step's rng input, i64[3]: seed, step,
// and the global index of the sample in row 0 (weft/ops/dropout.h). Not a generator: that is
// Philox.
#pragma once

#include <cstdint>

#include "graph/op_contract.h"
#include "weft/philox.h"

namespace weft::ops {

struct RandomState {
  uint64_t key = 0;  // of Philox, for this seed, step and place in the model
  uint64_t first_sample = 0;
};

inline RandomState random_state(int64_t seed, int64_t step, int64_t first_sample, uint64_t place) {
  const PhiloxBlock words = philox(static_cast<uint64_t>(seed), place, static_cast<uint64_t>(step));
  return {static_cast<uint64_t>(words[1]) << 32 | words[0], static_cast<uint64_t>(first_sample)};
}

inline RandomState random_state(const graph::KernelCall& call, size_t input, uint64_t place) {
  const int64_t* rng = call.in<int64_t>(input);
  return random_state(rng[0], rng[1], rng[2], place);
}

inline RandomState random_state(const graph::ReferenceCall& call, size_t input, uint64_t place) {
  const auto& rng = call.in(input);
  return random_state(static_cast<int64_t>(rng[0]), static_cast<int64_t>(rng[1]),
                      static_cast<int64_t>(rng[2]), place);
}

}  // namespace weft::ops
