// One matrix product through launch_gemm(), as operators call it, on a device of ours.
#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "graph/op_contract.h"
#include "kernels/gemm/gemm.h"
#include "ops/kernel_chooser.h"
#include "runtime/compute_device.h"

namespace weft::test {

struct ProductCase {
  std::string name;
  kernels::GemmSpec spec;
  bool accumulate = false;
  std::optional<float> flag = {};
  float before = 0.5f;              // everywhere in c; NaN where nobody may read it
  std::string kernel = "cuBLASLt";  // who is to multiply

  friend std::ostream& operator<<(std::ostream& out, const ProductCase& c) { return out << c.name; }
};

struct ProductResult {
  std::vector<float> c, sums;
  bool operator==(const ProductResult&) const = default;
};

// Numbers in [-1, 1) by place.
inline std::vector<float> numbers(int64_t count, uint32_t seed) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 8) * 0x1p-23f - 1.0f;
  }
  return values;
}

class ProductRun {
 public:
  ProductRun(runtime::ComputeDevice& device, const ProductCase& c) : device_(device), case_(c) {
    const kernels::GemmSpec& s = c.spec;
    const int64_t columns = s.gated ? 2 * s.n : s.n;
    args_.a = put(numbers(s.m * s.k, 1), s.input);
    args_.b = put(numbers(s.k * columns, 2), s.input);
    if (s.bias) args_.bias = put(numbers(columns, 3), s.bias_dtype);
    args_.c = put(std::vector<float>(static_cast<size_t>(s.m * s.n), c.before), s.output);
    if (s.save_pre_activation)
      args_.pre_activation = put(std::vector<float>(static_cast<size_t>(s.m * columns)), s.output);
    args_.accumulate = c.accumulate;
    if (c.flag) args_.accumulate_flag = static_cast<const float*>(put({*c.flag}, DType::kF32));
  }

  // Chooses, as sessions do before they capture.
  void choose() {
    device::Stream& stream = device_.queues().stream(0);
    ops::choose_calls(stream.handle(), [this] { launch(); });
    upload(args_.c,
           std::vector<float>(static_cast<size_t>(case_.spec.m * case_.spec.n), case_.before),
           case_.spec.output);
  }
  void launch() {
    const graph::DeviceCall call = device_.queues().call(0);
    const graph::Params params;
    const SerialFor parallel;
    ops::launch_gemm({.inputs = {},
                      .outputs = {},
                      .params = params,
                      .state = nullptr,
                      .workspace = nullptr,
                      .parallel = parallel,
                      .device = &call},
                     case_.spec, args_);
  }
  ProductResult result() {
    const kernels::GemmSpec& s = case_.spec;
    ProductResult result{download(args_.c, s.m * s.n, s.output), {}};
    if (s.save_pre_activation)
      result.sums = download(args_.pre_activation, s.m * (s.gated ? 2 * s.n : s.n), s.output);
    return result;
  }

 private:
  void* put(const std::vector<float>& values, DType dtype) {
    memory_.emplace_back(device_.device(), static_cast<int64_t>(values.size()) * size_of(dtype));
    upload(memory_.back().data(), values, dtype);
    return memory_.back().data();
  }
  void upload(void* to, const std::vector<float>& values, DType dtype) {
    if (dtype == DType::kF32) return device_.queues().upload(to, std::as_bytes(std::span(values)));
    std::vector<BFloat16> rounded;
    for (const float value : values) rounded.emplace_back(value);
    device_.queues().upload(to, std::as_bytes(std::span(rounded)));
  }
  std::vector<float> download(const void* from, int64_t count, DType dtype) {
    std::vector<float> values(static_cast<size_t>(count));
    if (dtype == DType::kF32) {
      device_.queues().download(std::as_writable_bytes(std::span(values)), from);
      return values;
    }
    std::vector<BFloat16> stored(static_cast<size_t>(count));
    device_.queues().download(std::as_writable_bytes(std::span(stored)), from);
    for (size_t i = 0; i < stored.size(); ++i) values[i] = static_cast<float>(stored[i]);
    return values;
  }

  runtime::ComputeDevice& device_;
  const ProductCase& case_;
  std::vector<device::Memory> memory_;
  kernels::GemmArgs args_;
};

}  // namespace weft::test
