// How much of what the backward pass reads is computed again instead of being kept (gradient
// checkpointing; Chen et al., "Training deep nets with sublinear memory cost", 2016).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weft {

enum class RecomputeMode : uint8_t {
  kNone,
  kSelective,  // outputs of operators that their contracts call cheap, but for those that leave a
               // layer
  kFull,       // everything inside a layer; only what enters it is kept
};
std::string_view name_of(RecomputeMode mode);
constexpr auto values_of(RecomputeMode) {
  return std::array{RecomputeMode::kNone, RecomputeMode::kSelective, RecomputeMode::kFull};
}

}  // namespace weft
