// A product of ours in the words of a vendor's library.
#pragma once

#include <optional>

#include "core/cuda/vendor.h"
#include "kernels/gemm/gemm.h"

namespace weft::ops {

// Nothing for what such libraries have no words for: gates, residuals, activations beyond GELU's
// approximation and ReLU, factors.
std::optional<device::Product> vendor_product(const kernels::GemmSpec& spec,
                                              const kernels::GemmArgs& args);

}  // namespace weft::ops
