// What kernel adapters share: choosing the element type, and the two ways of giving a result.
#pragma once

#include "graph/op_contract.h"
#include "kernels/cuda/launch.h"

namespace weft::ops {

// Calls body(T{}) for the element type `dtype`, fp32 or bf16.
template <class Body>
void with_element_type(DType dtype, const Body& body) {
  if (dtype == DType::kBF16) return body(BFloat16());
  WEFT_ASSERT(dtype == DType::kF32);
  body(float());
}

// Starts a kernel that exists for the CPU and for GPUs, as kernel(args, parallel) and as
// kernel(stream, args), with the same struct: adapters of both are one function.
template <class Kernel, class Args>
void start(const graph::KernelCall& call, const Kernel& kernel, const Args& args) {
  if (call.device == nullptr) return kernel(args, call.parallel);
  kernel(weft::cuda::Stream{call.device->stream}, args);
}

// The flag by which kernels learn whether to add to their output: null (overwrite) if there is no
// buffer to add into, else the step's flag, or "add" where there is none.
inline const float* accumulate_flag(const graph::KernelCall& call, size_t into, size_t flag) {
  static constexpr float kAdd = 1.0f;
  if (!call.has(into)) return nullptr;
  if (call.has(flag)) return call.in<float>(flag);
  return call.device == nullptr ? &kAdd : call.device->one;
}

// The same for references: what stands in the buffer that element `i` is added to.
inline double accumulated(const graph::ReferenceCall& call, size_t into, size_t flag, size_t i) {
  if (!call.has(into) || (call.has(flag) && call.in(flag)[0] == 0.0)) return 0.0;
  return call.in(into)[i];
}

// Checks the two optional inputs of an accumulation.
inline void check_accumulation(const graph::TypesCall& call, size_t into, const Shape& shape,
                               std::string_view op) {
  graph::require(!call.has(into) || call.type(into) == TensorType{DType::kF32, shape}, op,
                 "a buffer to accumulate into must be f32" + shape.to_string());
  graph::require(!call.has(into + 1) || call.type(into + 1) == TensorType{DType::kF32, {1}}, op,
                 "the accumulation flag must be f32[1]");
}

}  // namespace weft::ops
