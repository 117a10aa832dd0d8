// A small model's training steps, on the CPU and on the emulated device, with the same numbers.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <weft/ops.h>
#include "core/thread_pool.h"
#include "emulated_device.h"
#include "graph/registry.h"
#include "ops/device_kernels.h"
#include "spread_schedule.h"
#include "train/device_step.h"
#include "train/step_graph.h"

namespace weft::test {

inline constexpr int64_t kRows = 2, kTime = 5, kWidth = 32, kClasses = 16;
inline constexpr int kMicroBatches = 2;

// Operators of every kind that needs no matrix product.
struct SmallModel {
  Graph graph;
  Value ids = graph.input("ids", {DType::kI32, {kRows, kTime}});
  Value labels = graph.input("labels", {DType::kI32, {kRows, kTime}});

  Value parameter(const std::string& name, Shape shape) {
    return graph.parameter(name, shape, Initializer::normal(1.0));
  }
  Value loss() {
    Value x = ops::embedding(ids, parameter("table", {kClasses, kWidth}));
    const Value y = ops::layer_norm(x, parameter("scale", {kWidth}), parameter("bias", {kWidth}));
    x = x + ops::activation(y, ops::Activation::kGeluTanh);
    x = ops::rms_norm(ops::mul(x, ops::activation(y, ops::Activation::kSilu)),
                      parameter("scale2", {kWidth}));
    return ops::cross_entropy(ops::gated_activation(x, ops::Activation::kSilu), labels);
  }
};

inline train::StepGraph small_step(DType compute) {
  SmallModel model;
  const Value loss = model.loss();
  return train::build_step_graph(model.graph.data(), loss, {.compute = compute});
}

// Numbers around 0, of the deviation 1, that depend on the name alone.
inline std::vector<float> numbers(const std::string& name, int64_t n) {
  std::vector<float> result;
  for (int64_t i = 0; i < n; ++i) {
    const PhiloxBlock words = philox(random_key(1, name), static_cast<uint64_t>(i));
    result.push_back(static_cast<float>(normal_from(words[0], words[1])[0]));
  }
  return result;
}

inline std::vector<int32_t> tokens(int64_t batch, int shift) {
  std::vector<int32_t> result;
  for (int64_t i = 0; i < kRows * kTime; ++i)
    result.push_back(static_cast<int32_t>((batch * 7 + i * 3 + shift) % kClasses));
  return result;
}

struct Trained {
  std::vector<float> losses, norms, parameters;
  bool operator==(const Trained&) const = default;
};

// What both sides do: where values lie differs.
class SmallStep {
 public:
  explicit SmallStep(DType compute) : step_(small_step(compute)) {}
  virtual ~SmallStep() = default;

 protected:
  using Write = std::function<void(const graph::Tensor&, const void*)>;

  void initialize(const graph::Program& program, const Write& write) const {
    const int64_t n = step_.layout.elements;
    std::vector<float> block(static_cast<size_t>(n), 0.0f);
    for (const optim::ParameterPlace& place : step_.layout.places) {
      const auto values = numbers(step_.data->value(place.id).name, place.elements);
      std::copy(values.begin(), values.end(), block.begin() + place.offset);
    }
    write(program.tensor(step_.blocks.parameters.id()), block.data());
    if (!step_.blocks.copies) return;
    std::vector<BFloat16> copies;
    for (const float value : block) copies.push_back(BFloat16(value));
    write(program.tensor(step_.blocks.copies.id()), copies.data());
  }

  std::vector<graph::ValueId> inputs() const {
    return {step_.data->find("ids"), step_.data->find("labels"), step_.accumulate.id(),
            step_.loss_scale.id()};
  }
  std::vector<graph::ValueId> update_inputs() const {
    return {step_.update.learning_rate.id(), step_.update.step.id()};
  }
  std::vector<graph::ValueId> results() const {
    return {step_.loss_sum.id(), step_.update.gradient_norm.id(), step_.update.applied.id()};
  }

  // Input `i` of inputs() in micro-batch `micro` of step `step`.
  static std::vector<std::byte> input_bytes(int64_t step, int micro, size_t i) {
    if (i < 2) return bytes_of(tokens(step * kMicroBatches + micro, i == 0 ? 0 : 1));
    if (i == 2) return bytes_of(std::vector<float>{micro == 0 ? 0.0f : 1.0f});
    return bytes_of(std::vector<float>{1.0f / static_cast<float>(kRows * kTime * kMicroBatches)});
  }
  static std::vector<std::byte> update_bytes(int64_t step, size_t i) {
    return bytes_of(std::vector<float>{i == 0 ? 0.05f : static_cast<float>(step + 1)});
  }
  template <class T>
  static std::vector<std::byte> bytes_of(const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    return {bytes.begin(), bytes.end()};
  }

  train::StepGraph step_;
};

class CpuStep : public SmallStep {
 public:
  explicit CpuStep(DType compute)
      : SmallStep(compute),
        schedule_(graph::serial_schedule(*step_.data)),
        plan_(graph::plan_memory(*step_.data, schedule_, {.outputs = results()})),
        arena_(plan_.persistent_bytes + plan_.transient_bytes),
        program_(*step_.data, schedule_, plan_,
                 {.arena = &arena_, .transient = plan_.persistent_bytes},
                 {.kernels = graph::cpu_kernels()}) {
    initialize(program_, write);
  }

  Trained train(int steps) {
    Trained trained;
    for (int64_t step = 0; step < steps; ++step) {
      for (int micro = 0; micro < kMicroBatches; ++micro) {
        for (size_t i = 0; i < inputs().size(); ++i)
          write(program_.tensor(inputs()[i]), input_bytes(step, micro, i).data());
        program_.run_body(SerialFor());
      }
      for (size_t i = 0; i < update_inputs().size(); ++i)
        write(program_.tensor(update_inputs()[i]), update_bytes(step, i).data());
      program_.run_update(SerialFor());
      trained.losses.push_back(*program_.tensor(results()[0]).as<float>());
      trained.norms.push_back(*program_.tensor(results()[1]).as<float>());
    }
    const float* parameters = program_.tensor(step_.blocks.parameters.id()).as<float>();
    trained.parameters.assign(parameters, parameters + step_.layout.elements);
    return trained;
  }

 private:
  static void write(const graph::Tensor& to, const void* from) {
    std::memcpy(to.data, from, static_cast<size_t>(to.type.bytes()));
  }

  graph::Schedule schedule_;
  graph::MemoryPlan plan_;
  Arena arena_;
  graph::Program program_;
};

struct DeviceStepOptions {
  DType compute = DType::kF32;
  int streams = 1;
  uint64_t seed = 0;
  int most_in_a_graph = 16;  // micro-batches
  // May leave something out, to see that it shows.
  std::function<void(graph::Schedule&)> change = [](graph::Schedule&) {};
};

class SmallDeviceStep : public SmallStep {
 public:
  SmallDeviceStep(const device::Device& device, const DeviceStepOptions& options)
      : SmallStep(options.compute),
        most_in_a_graph_(options.most_in_a_graph),
        queues_((ops::use_device_kernels(device.library()), device), options.streams),
        schedule_(SpreadSchedule(*step_.data, options.streams, options.seed).take()),
        plan_(
            graph::plan_memory(*step_.data, schedule_, {.on_device = true, .outputs = results()})),
        memory_(device, plan_.persistent_bytes + plan_.transient_bytes),
        arena_(memory_.data(), memory_.bytes()) {
    options.change(schedule_);
    program_ = std::make_unique<graph::Program>(
        *step_.data, schedule_, plan_,
        graph::Binding{.arena = &arena_, .transient = plan_.persistent_bytes},
        graph::Device{.kernels = graph::cuda_kernels(), .queues = &queues_});
    const std::vector<std::byte> zeros(static_cast<size_t>(plan_.persistent_bytes));
    queues_.upload(memory_.data(), zeros);
    initialize(*program_, [this](const graph::Tensor& to, const void* from) {
      queues_.upload(to.data,
                     {static_cast<const std::byte*>(from), static_cast<size_t>(to.type.bytes())});
    });
  }

  // All steps as replays of a captured graph, results read a step late.
  Trained train(int steps) {
    train::DeviceStep step(*program_, queues_,
                           {.micro_batches = kMicroBatches,
                            .inputs = inputs(),
                            .update_inputs = update_inputs(),
                            .results = results(),
                            .most_in_a_graph = most_in_a_graph_});
    Trained trained;
    for (int64_t i = 0; i < steps; ++i) {
      step.begin();
      if (i > 1) read(step, i - 2, trained);
      fill(step, i);
      step.launch();
    }
    for (int64_t i = std::max(0, steps - 2); i < steps; ++i) read(step, i, trained);
    trained.parameters.resize(static_cast<size_t>(step_.layout.elements));
    queues_.download(std::as_writable_bytes(std::span(trained.parameters)),
                     program_->tensor(step_.blocks.parameters.id()).data);
    return trained;
  }

  const Arena& arena() const { return arena_; }
  const graph::MemoryPlan& plan() const { return plan_; }

 private:
  void fill(train::DeviceStep& step, int64_t index) const {
    for (int micro = 0; micro < kMicroBatches; ++micro)
      for (size_t i = 0; i < inputs().size(); ++i) {
        const auto bytes = input_bytes(index, micro, i);
        std::memcpy(step.input(micro, i), bytes.data(), bytes.size());
      }
    for (size_t i = 0; i < update_inputs().size(); ++i) {
      const auto bytes = update_bytes(index, i);
      std::memcpy(step.update_input(i), bytes.data(), bytes.size());
    }
  }

  static void read(train::DeviceStep& step, int64_t index, Trained& trained) {
    float value = 0;
    std::memcpy(&value, step.result(index, 0), sizeof value);
    trained.losses.push_back(value);
    std::memcpy(&value, step.result(index, 1), sizeof value);
    trained.norms.push_back(value);
  }

  int most_in_a_graph_;
  graph::DeviceQueues queues_;
  graph::Schedule schedule_;
  graph::MemoryPlan plan_;
  device::Memory memory_;
  Arena arena_;
  std::unique_ptr<graph::Program> program_;
};

}  // namespace weft::test
