// How bfloat16 matrix products are multiplied: decided here and nowhere else. Not how they are cut
// into tiles (blocking.h).
#pragma once

#include <optional>

namespace weft::kernels {

enum class Bf16Products {
  kWidened,  // as floats
  kPairs,    // AVX512-BF16's dot products (pair_strip.h)
  kOneDnn,   // oneDNN's products of packed tiles: AMX
};

// What choose_bf16_products chose, else the fastest that the processor has (cpu_isa.h).
Bf16Products bf16_products();

// Fixes it for plans that are made from now on, or leaves it to the processor again (nullopt).
// Throws weft::Error for instructions that this processor lacks.
void choose_bf16_products(std::optional<Bf16Products> products);

}  // namespace weft::kernels
