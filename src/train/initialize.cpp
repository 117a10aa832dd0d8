#include "train/initialize.h"

#include <algorithm>

#include "weft/philox.h"

namespace weft::train {
namespace {

constexpr size_t kTile = 65536;  // a multiple of the four numbers of a Philox block

template <class Body>
void for_each_tile(size_t n, const ParallelFor& parallel, const Body& body) {
  parallel(static_cast<int64_t>((n + kTile - 1) / kTile), [&](int64_t tile, int) {
    const size_t begin = static_cast<size_t>(tile) * kTile;
    body(begin, std::min(n, begin + kTile));
  });
}

void fill_normal(uint64_t key, double deviation, std::span<float> values,
                 const ParallelFor& parallel) {
  for_each_tile(values.size(), parallel, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i += 4) {
      const PhiloxBlock words = philox(key, i / 4);
      const auto a = normal_from(words[0], words[1]), b = normal_from(words[2], words[3]);
      const double normals[] = {a[0], a[1], b[0], b[1]};
      for (size_t k = 0; k < 4 && i + k < end; ++k)
        values[i + k] = static_cast<float>(deviation * normals[k]);
    }
  });
}

}  // namespace

void initialize_parameter(std::string_view name, const Initializer& initializer, uint64_t seed,
                          std::span<float> values, const ParallelFor& parallel) {
  if (initializer.kind == Initializer::Kind::kConstant)
    return std::fill(values.begin(), values.end(), static_cast<float>(initializer.value));
  if (initializer.parts.empty())
    return fill_normal(random_key(seed, name), initializer.value, values, parallel);
  size_t begin = 0;
  for (const Initializer::Part& part : initializer.parts) {
    const size_t elements = static_cast<size_t>(part.elements);
    fill_normal(random_key(seed, part.name), initializer.value, values.subspan(begin, elements),
                parallel);
    begin += elements;
  }
}

void round_to_bf16(std::span<const float> from, BFloat16* to, const ParallelFor& parallel) {
  for_each_tile(from.size(), parallel, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) to[i] = BFloat16(from[i]);
  });
}

}  // namespace weft::train
