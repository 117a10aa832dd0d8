// Which of its paths attention takes: decided here and nowhere else. Not a dispatcher of vector
// instructions: within a path Highway chooses these.
#pragma once

#include <optional>

#include "kernels/attention/tile_engine.h"
#include "weft/dtype.h"

namespace weft::kernels {

enum class AttentionPath {
  kFloats,         // blocks of floats, multiplied with float multiply-adds
  kDotProducts,    // blocks of bfloat16, AVX512-BF16
  kAmx,            // blocks of bfloat16, AMX
  kEmulatedTiles,  // the same on emulated tiles: for tests
};

// The path of the next call for operands of `dtype`: what choose_attention_path chose for bfloat16,
// else the fastest that the processor has (cpu_isa.h). Floats always take kFloats.
AttentionPath attention_path(DType dtype);

// Fixes the path of bfloat16, or leaves it to the processor again (nullopt). Throws weft::Error for
// instructions that this processor lacks. Not to be called while kernels run, nor between planning
// a workspace and its use.
void choose_attention_path(std::optional<AttentionPath> path);

// Null for kFloats.
const TileEngine* tile_engine(AttentionPath path);

}  // namespace weft::kernels
