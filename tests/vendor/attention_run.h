// Attention and its gradient through the operators' kernels, on a device of ours.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/registry.h"
#include "ops/kernel_chooser.h"
#include "product_run.h"
#include "runtime/compute_device.h"
#include "weft/ops/attention.h"
#include "weft/parallel_for.h"

namespace weft::test {

struct AttentionCase {
  std::string name;
  int64_t B = 1, T = 1;
  ops::AttentionParams params = {};
  DType dtype = DType::kBF16;
  bool documents = false;  // every query sees all keys by a range of its own

  int64_t width() const { return (params.heads + 2 * params.kv_heads) * params.head_dim; }
  int64_t out_width() const { return params.heads * params.head_dim; }
};

struct AttentionResult {
  std::vector<float> out, log_sum_exp, gradient;
  bool operator==(const AttentionResult&) const = default;
};

class AttentionRun {
 public:
  AttentionRun(runtime::ComputeDevice& device, const AttentionCase& c)
      : device_(device), case_(c), params_(c.params) {
    qkv_ = put(numbers(c.B * c.T * c.width(), 1), {c.dtype, {c.B, c.T, c.width()}});
    dout_ = put(numbers(c.B * c.T * c.out_width(), 2), {c.dtype, {c.B, c.T, c.out_width()}});
    out_ = put(std::vector<float>(static_cast<size_t>(c.B * c.T * c.out_width())), dout_.type);
    const TensorType statistics{DType::kF32, {c.B, c.params.heads, c.T}};
    lse_ = put(std::vector<float>(static_cast<size_t>(statistics.shape.elements())), statistics);
    gradient_ =
        put(std::vector<float>(static_cast<size_t>(qkv_.type.shape.elements()), 9.0f), qkv_.type);
    if (c.documents) add_ranges();
  }

  // Chooses, as sessions do before they capture, and puts back what that wrote.
  void choose() {
    ops::choose_calls(device_.queues().stream(0).handle(), [this] { launch(); });
  }
  void launch() {
    launch("attention", {qkv_, range_}, {out_, lse_});
    launch("attention_backward", {qkv_, out_, lse_, dout_, range_}, {gradient_});
  }
  AttentionResult result() { return {download(out_), download(lse_), download(gradient_)}; }

 private:
  void launch(const char* op, std::vector<graph::Tensor> inputs,
              std::vector<graph::Tensor> outputs) {
    const graph::OpContract& contract = *graph::find_contract(op);
    std::vector<const TensorType*> types;
    for (const graph::Tensor& in : inputs) types.push_back(in.data == nullptr ? nullptr : &in.type);
    graph::Types output_types;
    for (const graph::Tensor& out : outputs) output_types.push_back(out.type);
    const graph::PrepareCall prepare{{types, params_}, output_types, 1};
    const int64_t bytes =
        contract.device_workspace == nullptr ? 0 : contract.device_workspace(prepare);
    if (bytes > 0) workspaces_.emplace_back(device_.device(), bytes);
    const graph::DeviceCall call = device_.queues().call(0);
    const SerialFor parallel;
    graph::cuda_kernels()[graph::index_of(contract)](
        {.inputs = inputs,
         .outputs = outputs,
         .params = params_,
         .state = nullptr,
         .workspace = bytes > 0 ? static_cast<std::byte*>(workspaces_.back().data()) : nullptr,
         .parallel = parallel,
         .device = &call});
  }

  void add_ranges() {
    std::vector<int32_t> ranges;
    for (int64_t i = 0; i < case_.B * case_.T; ++i) {
      ranges.push_back(0);
      ranges.push_back(static_cast<int32_t>(case_.T));
    }
    memory_.emplace_back(device_.device(), static_cast<int64_t>(ranges.size() * sizeof(int32_t)));
    device_.queues().upload(memory_.back().data(), std::as_bytes(std::span(ranges)));
    range_ = {memory_.back().data(), {DType::kI32, {case_.B, case_.T, 2}}};
  }
  graph::Tensor put(const std::vector<float>& values, const TensorType& type) {
    memory_.emplace_back(device_.device(), type.bytes());
    std::vector<BFloat16> rounded;
    for (const float value : values) rounded.emplace_back(value);
    device_.queues().upload(memory_.back().data(), type.dtype == DType::kF32
                                                       ? std::as_bytes(std::span(values))
                                                       : std::as_bytes(std::span(rounded)));
    return {memory_.back().data(), type};
  }
  std::vector<float> download(const graph::Tensor& from) {
    std::vector<float> values(static_cast<size_t>(from.type.shape.elements()));
    if (from.type.dtype == DType::kF32) {
      device_.queues().download(std::as_writable_bytes(std::span(values)), from.data);
      return values;
    }
    std::vector<BFloat16> stored(values.size());
    device_.queues().download(std::as_writable_bytes(std::span(stored)), from.data);
    for (size_t i = 0; i < stored.size(); ++i) values[i] = static_cast<float>(stored[i]);
    return values;
  }

  runtime::ComputeDevice& device_;
  const AttentionCase& case_;
  graph::Params params_;
  std::vector<device::Memory> memory_, workspaces_;
  graph::Tensor qkv_, dout_, out_, lse_, gradient_, range_;
};

}  // namespace weft::test
