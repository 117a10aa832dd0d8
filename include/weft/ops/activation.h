// activation: y = f(x), element by element.
#pragma once

#include <string_view>

#include "weft/graph.h"

namespace weft::ops {

enum class Activation : uint8_t {
  kGeluTanh,  // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): "gelu_new"
  kGelu,      // 0.5 x (1 + erf(x / sqrt(2)))
  kSilu,      // x sigmoid(x)
  kRelu,
  kTanh,
};
std::string_view name_of(Activation kind);

struct ActivationParams {
  Activation kind = Activation::kGelu;

  void visit(auto&& v) { v("kind", kind); }
};

Value activation(Value x, Activation kind);

}  // namespace weft::ops
