// How a product on the CPU is multiplied and cut into tiles: a function of its shape, of the
// machine's instructions and of the number of workers, so that every step goes the same way.
#pragma once

#include <cstdint>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/thin_product.h"
#include "kernels/gemm/words.h"

namespace weft::kernels {

enum class GemmMethod : uint8_t {
  kPlain,   // the reference: loops in their simplest order
  kThin,    // few rows: each weight is read once and used at once
  kPanels,  // in registers, of B packed once, A as it lies
  kBlocks,  // in registers, of packed blocks
  kOneDnn,  // oneDNN's bfloat16 products; operands are brought into its layouts before the first
            // tile, or else it would do that in each tile, for half of an AMX product's time
};

struct GemmBlocking {
  GemmMethod method = GemmMethod::kBlocks;
  Packed packed = Packed::kFloats;  // of kPanels and kBlocks
  int64_t tile_m = 0, tile_n = 0;
  ThinSlicing slicing;  // of kThin
};

// `spec` has its leading dimensions.
GemmBlocking choose_blocking(const GemmSpec& spec, int workers);

}  // namespace weft::kernels
