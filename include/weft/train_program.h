// Trains a graph: one training step as a program whose memory is planned before it runs.
//
//     weft::TrainProgram program(graph, loss, {.optimizer = {.weight_decay = 0.1}});
//     for (int64_t i = 0; i < steps; ++i) {
//       fill(program.input<int32_t>("input_ids"));
//       const auto result = program.step({.labels = batch * time, .learning_rate = 3e-4});
//     }
//
// docs/examples/own_model.cpp is a whole program. {.device = "cuda"} runs it on a GPU. With
// gradient accumulation, step() is
//
//     program.begin_step(labels);
//     for (int64_t i = 0; i < micro_batches; ++i) {
//       fill(program.input<int32_t>("input_ids"));
//       program.micro_batch();
//     }
//     const auto result = program.end_step(learning_rate);
//
// One thread at a time may use a program; it runs its operators on threads of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "weft/graph.h"
#include "weft/optimizer.h"
#include "weft/recompute.h"

namespace weft {

struct TrainProgramOptions {
  DType compute = DType::kF32;  // or kBF16: fp32 master weights and sums, bf16 in between
  RecomputeMode recompute = RecomputeMode::kNone;
  OptimizerOptions optimizer = {};
  int threads = 0;  // 0: as many as the process may use
  uint64_t seed = 42;
  std::string device = "cpu";  // or cuda; auto: a GPU where one can be used
  // Of a step. On a GPU, where a step is made once and replayed, every step has as many; on the CPU
  // steps may have any number.
  int micro_batches = 1;
};

struct StepOptions {
  int64_t labels = 1;  // by which the loss, a sum, is divided; 1 for a loss that is a mean
  double learning_rate = 1e-3;
};

struct StepResult {
  double loss = 0;           // mean over the labels given to begin_step
  double gradient_norm = 0;  // L2, before clipping
  bool applied =
      true;  // false: the loss or a gradient was not finite, and no parameter has changed
};

class TrainProgram {
 public:
  // `loss` f32[1] is a sum over labels. Parameters start as their initializers say. The graph is
  // copied. Throws Error if the graph cannot be trained, as when a parameter does not reach the
  // loss, or the device cannot be used; with ExitCode::kDoesNotFit if the memory is lacking.
  TrainProgram(const Graph& graph, Value loss, const TrainProgramOptions& options = {});
  ~TrainProgram();
  TrainProgram(TrainProgram&&) noexcept;
  TrainProgram& operator=(TrainProgram&&) noexcept;

  // A step of one micro-batch: forward and backward of what the inputs hold, clipping, update.
  StepResult step(const StepOptions& options);

  // Starts a step of several micro-batches; `labels` is the number of labels that count in all of
  // its micro-batches.
  void begin_step(int64_t labels);
  // Forward and backward of what the inputs hold; gradients add up over a step.
  void micro_batch();
  // Clips and updates.
  StepResult end_step(double learning_rate);

  // The memory of an input, row-major; it keeps what was written last. Token ids and labels must be
  // within the vocabulary. Throws Error for an unknown name or another type.
  template <class T>
  std::span<T> input(std::string_view name) {
    const std::span<std::byte> bytes = input_bytes(name, kDTypeOf<T>);
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  // The fp32 values of a parameter, row-major. After writing to them call parameters_changed(). On
  // a GPU they are a copy, good until the next step.
  std::span<float> parameter(std::string_view name);
  void parameters_changed();
  // The mean gradient of the last step, before clipping; on a GPU a copy, good until the next call.
  std::span<const float> gradient(std::string_view name) const;
  // "cpu", or the GPU: "cuda:0 (NVIDIA H200)".
  std::string device() const;

  // Bytes of the one block of memory in which everything lies (on a GPU: of its memory, beside what
  // steps are given ahead of their use), known before it is taken, and how
  // many of them the program has really bound to values: the same number.
  int64_t planned_bytes() const;
  int64_t high_water_bytes() const;

 private:
  std::span<std::byte> input_bytes(std::string_view name, DType dtype);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft
