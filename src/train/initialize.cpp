#include "train/initialize.h"

#include <algorithm>

#include "ops/random_fill.h"
#include "weft/philox.h"

namespace weft::train {
namespace {

constexpr size_t kTile = 65536;

template <class Body>
void for_each_tile(size_t n, const ParallelFor& parallel, const Body& body) {
  parallel(static_cast<int64_t>((n + kTile - 1) / kTile), [&](int64_t tile, int) {
    const size_t begin = static_cast<size_t>(tile) * kTile;
    body(begin, std::min(n, begin + kTile));
  });
}

}  // namespace

void initialize_parameter(std::string_view name, const Initializer& initializer, uint64_t seed,
                          std::span<float> values, const ParallelFor& parallel) {
  if (initializer.kind == Initializer::Kind::kConstant)
    return std::fill(values.begin(), values.end(), static_cast<float>(initializer.value));
  if (initializer.parts.empty())
    return ops::fill_normal(values, random_key(seed, name), initializer.value, parallel);
  size_t begin = 0;
  for (const Initializer::Part& part : initializer.parts) {
    const size_t elements = static_cast<size_t>(part.elements);
    ops::fill_normal(values.subspan(begin, elements), random_key(seed, part.name),
                     initializer.value, parallel);
    begin += elements;
  }
}

void round_to_bf16(std::span<const float> from, BFloat16* to, const ParallelFor& parallel) {
  for_each_tile(from.size(), parallel, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) to[i] = BFloat16(from[i]);
  });
}

}  // namespace weft::train
