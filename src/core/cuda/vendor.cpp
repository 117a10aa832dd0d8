// How products and attention are named in files and tables.
#include "core/cuda/vendor.h"

#include <string_view>

namespace weft::device {
namespace {

std::string_view word(ProductActivation activation) {
  switch (activation) {
    case ProductActivation::kNone: return "";
    case ProductActivation::kGeluTanh: return " gelu_tanh";
    case ProductActivation::kRelu: return " relu";
  }
  return "";
}

std::string_view word(ProductAdds adds) {
  switch (adds) {
    case ProductAdds::kNo: return "";
    case ProductAdds::kYes: return " added";
    case ProductAdds::kByFlag: return " added by flag";
  }
  return "";
}

}  // namespace

std::string Product::to_string() const {
  std::string text = std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
  text += std::string(" ") + (trans_a ? "t" : "n") + (trans_b ? "t" : "n") + " ";
  text += std::string(name_of(input)) + ">" + std::string(name_of(output));
  const int64_t dense_a = trans_a ? m : k, dense_b = trans_b ? k : n;
  if (lda != dense_a || ldb != dense_b || ldc != n)
    text += " rows " + std::to_string(lda) + "," + std::to_string(ldb) + "," + std::to_string(ldc);
  if (bias) text += " bias(" + std::string(name_of(bias_dtype)) + ")";
  text += word(activation);
  if (saves_sums) text += " sums";
  text += word(adds);
  if (alignment < 16) text += " aligned " + std::to_string(alignment);
  return text;
}

std::string Attention::to_string() const {
  std::string text = backward ? "attention backward " : "attention ";
  text += std::to_string(batch) + "x" + std::to_string(tokens) + " " + std::to_string(heads);
  if (kv_heads != heads) text += "/" + std::to_string(kv_heads);
  text += "x" + std::to_string(width);
  if (causal) text += " causal";
  if (window > 0) text += " window " + std::to_string(window);
  return text;
}

}  // namespace weft::device
