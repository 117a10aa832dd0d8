// The shape rule that linear and its fused forms share: what a weight of either layout makes of x.
#pragma once

#include <string>
#include <string_view>

#include "graph/op_contract.h"
#include "kernels/gemm/gemm.h"
#include "weft/ops/linear.h"

namespace weft::ops {

struct LinearShape {
  int64_t rows, in, out;
};

inline LinearShape linear_shape(const graph::TypesCall& call, WeightLayout layout) {
  const bool out_in = layout == WeightLayout::kOutIn;
  const Shape& weight = call.shape(1);
  return {call.shape(0).rows(), weight[out_in ? 1 : 0], weight[out_in ? 0 : 1]};
}

// Checks x, weight and bias (inputs 0, 1 and 2); returns the type of x W^T + bias.
inline TensorType infer_linear(std::string_view op, const graph::TypesCall& call,
                               WeightLayout layout) {
  using graph::require;
  const TensorType &x = call.type(0), &weight = call.type(1);
  const std::string given = ", got " + x.to_string() + " and " + weight.to_string();
  require(x.dtype == weight.dtype && (x.dtype == DType::kF32 || x.dtype == DType::kBF16), op,
          "x and weight must both be f32 or both bf16" + given);
  require(x.shape.rank() >= 1 && weight.shape.rank() == 2 && x.shape.elements() > 0 &&
              weight.shape.elements() > 0,
          op, "x must have at least one axis and the weight two, none of them empty" + given);
  const LinearShape shape = linear_shape(call, layout);
  require(x.shape.back() == shape.in, op,
          "the last size of x " + x.to_string() + " must be the weight's input size " +
              std::to_string(shape.in) + " (weight " + weight.to_string() + ", layout " +
              std::string(name_of(layout)) + ")");
  require(!call.has(2) || call.type(2) == TensorType{DType::kF32, {shape.out}}, op,
          "the bias must be f32[" + std::to_string(shape.out) + "]" +
              (call.has(2) ? ", got " + call.type(2).to_string() : ""));
  return {x.dtype, x.shape.with_back(shape.out)};
}

// The product of x and weight, with the bias if there is one.
inline kernels::GemmSpec linear_spec(const graph::TypesCall& call, WeightLayout layout) {
  const LinearShape shape = linear_shape(call, layout);
  return {.m = shape.rows,
          .n = shape.out,
          .k = shape.in,
          .trans_b = layout == WeightLayout::kOutIn,
          .input = call.type(0).dtype,
          .output = call.type(0).dtype,
          .bias = call.has(2)};
}

}  // namespace weft::ops
