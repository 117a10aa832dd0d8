// First values of parameters, and their rounding to the compute type.
#pragma once

#include <span>
#include <string_view>

#include "weft/dtype.h"
#include "weft/graph.h"
#include "weft/parallel_for.h"

namespace weft::train {

// Random values are a function of (seed, name, index) alone; of a packed parameter, those of each
// part.
void initialize_parameter(std::string_view name, const Initializer& initializer, uint64_t seed,
                          std::span<float> values, const ParallelFor& parallel);

void round_to_bf16(std::span<const float> from, BFloat16* to, const ParallelFor& parallel);

}  // namespace weft::train
