// Random first values, for whoever makes parameters; not an operator.
#pragma once

#include <cstdint>
#include <span>

#include "weft/parallel_for.h"

namespace weft::ops {

// values[4 c + i] = deviation times number i of the Philox block of counter c under `key`, as
// normal_from makes them: the same bits on every machine.
void fill_normal(std::span<float> values, uint64_t key, double deviation,
                 const ParallelFor& parallel);

}  // namespace weft::ops
