// From the layouts of a product, known when it runs, to those that a kernel is compiled for.
#pragma once

#include <type_traits>

#include "kernels/gemm/gemm.h"

namespace weft::kernels {

// Calls `launch` with std::bool_constant of trans_a and of trans_b.
template <class Launch>
void for_layout(const GemmSpec& spec, Launch launch) {
  const auto with_a = [&](auto trans_a) {
    if (spec.trans_b) launch(trans_a, std::true_type{});
    else launch(trans_a, std::false_type{});
  };
  if (spec.trans_a) with_a(std::true_type{});
  else with_a(std::false_type{});
}

}  // namespace weft::kernels
