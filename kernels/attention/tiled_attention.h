// Attention in blocks of bfloat16, on any engine of tiles: scores, probabilities' sums and all five
// products of the backward pass are products of pairs; probabilities and dS are rounded to
// bfloat16 for the second products; statistics and sums stay float. attention.h has the formulas
// and the way in; workspaces are attention_plan.h's with `tiled`.
#pragma once

#include "kernels/attention/attention.h"
#include "kernels/attention/tile_engine.h"

namespace weft::kernels {

void tiled_attention_forward(const AttentionForward<BFloat16>& args, const TileEngine& engine,
                             float* memory, const ParallelFor& parallel);
void tiled_attention_backward(const AttentionBackward<BFloat16>& args, const TileEngine& engine,
                              float* memory, const ParallelFor& parallel);

}  // namespace weft::kernels
