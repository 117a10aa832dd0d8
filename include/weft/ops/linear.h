// linear: y = x W^T + bias.
#pragma once

#include "weft/ops/activation.h"

namespace weft::ops {

enum class WeightLayout : uint8_t {
  kOutIn,  // weight [out, in]: what nearly everyone stores
  kInOut,  // weight [in, out]: GPT-2
};
std::string_view name_of(WeightLayout layout);

struct LinearParams {
  WeightLayout layout = WeightLayout::kOutIn;

  void visit(auto&& v) { v("layout", layout); }
};

// x [..., in], weight as `layout` says, bias [out] in fp32 or absent. The result is [..., out].
Value linear(Value x, Value weight, Value bias = {}, WeightLayout layout = WeightLayout::kOutIn);

}  // namespace weft::ops
